package org.rekindle.data.shards;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.commons.rng.UniformRandomProvider;

/** Says in varying English what a {@link Scene} shows, in at most 26 words. */
final class SceneCaption {

    private static final Map<Scene.Size, List<String>> SIZES = Map.of(
            Scene.Size.SMALL, List.of("small", "small", "tiny"),
            Scene.Size.MEDIUM, List.of(""),
            Scene.Size.LARGE, List.of("large", "big"));

    private static final Map<Scene.Place, List<String>> PLACES = Map.of(
            Scene.Place.CENTRE, List.of("", "", "in the centre", "in the middle"),
            Scene.Place.LEFT, List.of("on the left"),
            Scene.Place.RIGHT, List.of("on the right"),
            Scene.Place.TOP, List.of("at the top"),
            Scene.Place.BOTTOM, List.of("at the bottom"));

    private SceneCaption() {}

    static String of(Scene scene, UniformRandomProvider random) {
        Scene.Figure first = scene.figures().get(0);
        if (scene.figures().size() == 1) {
            return words(noun(first, random), one(PLACES.get(first.place()), random), behind(scene, random));
        }
        Scene.Figure second = scene.figures().get(1);
        boolean beside = first.place() == Scene.Place.LEFT;
        return switch (random.nextInt(3)) {
            case 0 ->
                words(
                        noun(first, random),
                        one(PLACES.get(first.place()), random),
                        "and",
                        noun(second, random),
                        one(PLACES.get(second.place()), random),
                        behind(scene, random));
            case 1 ->
                words(
                        noun(first, random),
                        beside ? "to the left of" : "above",
                        noun(second, random),
                        behind(scene, random));
            default ->
                words(
                        noun(second, random),
                        beside ? "to the right of" : "below",
                        noun(first, random),
                        behind(scene, random));
        };
    }

    /** Such as "a small striped red star" or "an orange ring with dots". */
    private static String noun(Scene.Figure figure, UniformRandomProvider random) {
        String pattern = figure.texture().pattern;
        boolean after = !pattern.isEmpty() && random.nextInt(3) == 0;
        String phrase = words(
                one(SIZES.get(figure.size()), random),
                after ? "" : one(figure.texture().adjectives, random),
                figure.colour().word,
                figure.outline().word,
                after ? "with " + pattern : "");
        return ("aeiou".indexOf(phrase.charAt(0)) >= 0 ? "an " : "a ") + phrase;
    }

    private static String behind(Scene scene, UniformRandomProvider random) {
        String word = scene.background().word;
        return switch (random.nextInt(8)) {
            case 0 -> "";
            case 1, 2 -> "on " + word;
            default -> "on a " + word + " background";
        };
    }

    private static String one(List<String> words, UniformRandomProvider random) {
        return words.get(random.nextInt(words.size()));
    }

    private static String words(String... parts) {
        List<String> said = new ArrayList<>(List.of(parts));
        said.removeIf(String::isEmpty);
        return String.join(" ", said);
    }
}

package org.rekindle.data.shards;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Captions from what {@code emoji.json} says: {@code father christmas, santa, person fantasy, people & body}. */
final class EmojiCaption {

    /** Modifiers of the Fitzpatrick scale by code point, named as in Unicode's {@code emoji-test.txt}. */
    private static final Map<String, String> SKIN_TONES = Map.of(
            "1F3FB", "light",
            "1F3FC", "medium light",
            "1F3FD", "medium",
            "1F3FE", "medium dark",
            "1F3FF", "dark");

    private EmojiCaption() {}

    /**
     * The name, those keywords that say more, subcategory and category.
     *
     * @param emoji an object of the table
     * @param tones code points of the skin tones joined by hyphens, empty for none
     */
    static String of(JsonNode emoji, String tones) {
        String name = plain(emoji.path("name").asText());
        Set<String> parts = new LinkedHashSet<>(List.of(name));
        if (!tones.isEmpty()) {
            parts.add(Arrays.stream(tones.split("-"))
                            .map(tone -> SKIN_TONES.getOrDefault(tone, "other"))
                            .distinct()
                            .collect(Collectors.joining(" and "))
                    + " skin tone");
        }
        Set<String> known = Set.copyOf(Arrays.asList(name.split(" ")));
        for (JsonNode keyword : emoji.path("short_names")) {
            String words = plain(keyword.asText());
            if (!known.containsAll(Arrays.asList(words.split(" ")))) {
                parts.add(words);
            }
        }
        parts.add(plain(emoji.path("subcategory").asText()));
        parts.add(plain(emoji.path("category").asText()));
        parts.remove("");
        return String.join(", ", parts);
    }

    private static String plain(String words) {
        return words.toLowerCase(Locale.ROOT)
                .replaceAll("[-_:,]+", " ")
                .replaceAll("\\s+", " ")
                .strip();
    }
}

package org.rekindle.data.shards;

import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.rng.UniformRandomProvider;
import org.rekindle.data.KeyedRandom;

/**
 * A captioned data set that Java2D draws: figures of eight outlines, eight colours, four textures and three sizes, one or two to a
 * picture of 64 x 64 pixels, on five backgrounds. Example i depends on nothing but the seed and i.
 *
 * @param count how many examples
 * @param seed keys every choice
 */
public record ShapesSource(int count, long seed) implements ShardSource {

    @Override
    public Stream<ShardExample> examples() {
        return IntStream.range(0, count).mapToObj(this::example);
    }

    private ShardExample example(int index) {
        UniformRandomProvider random = KeyedRandom.of(seed, "shapes", index);
        Scene scene = Scene.random(random);
        String caption = SceneCaption.of(scene, random);
        return new ShardExample("%06d".formatted(index), PngBytes.of(scene.draw()), "png", caption, null);
    }
}

package org.rekindle.data.shards;

import java.awt.image.BufferedImage;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.rng.UniformRandomProvider;
import org.apache.commons.rng.sampling.PermutationSampler;
import org.rekindle.data.KeyedRandom;

/**
 * The shapes in colours that have no name, for an autoencoder: in each picture the channels red, green and blue are exchanged and
 * inverted at random, so that backgrounds take all corners of the colour cube. Among shapes and emoji the axis from green to magenta
 * holds a thirtieth of the variance of the brightness; an autoencoder leaves it out until late, and paints green blue.
 *
 * @param count how many examples
 * @param seed keys every choice
 */
public record ColoursSource(int count, long seed) implements ShardSource {

    @Override
    public Stream<ShardExample> examples() {
        return IntStream.range(0, count).mapToObj(this::example);
    }

    private ShardExample example(int index) {
        UniformRandomProvider random = KeyedRandom.of(seed, "colours", index);
        BufferedImage image = Scene.random(random).draw();
        int[] from = PermutationSampler.natural(3);
        PermutationSampler.shuffle(random, from);
        int inverted = 0;
        for (int channel = 0; channel < 3; channel++) {
            inverted |= random.nextBoolean() ? 0xFF << 8 * channel : 0;
        }
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                image.setRGB(x, y, exchange(image.getRGB(x, y), from) ^ inverted);
            }
        }
        return new ShardExample("%06d".formatted(index), PngBytes.of(image), "png", "shapes in any colours", null);
    }

    private static int exchange(int rgb, int[] from) {
        int exchanged = 0;
        for (int channel = 0; channel < 3; channel++) {
            exchanged |= (rgb >> 8 * from[channel] & 0xFF) << 8 * channel;
        }
        return exchanged;
    }
}

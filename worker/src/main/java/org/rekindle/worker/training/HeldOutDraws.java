package org.rekindle.worker.training;

import org.apache.commons.rng.sampling.distribution.ZigguratSampler;
import org.rekindle.data.KeyedRandom;

/**
 * What a validation takes in the place of chance, the same every time: keyed by (seed, purpose, example), so that the batch size does
 * not matter either.
 *
 * @param seed {@code system.seed}
 * @param first number of the batch's first example, from 0
 * @param examples examples of the batch
 */
record HeldOutDraws(long seed, long first, int examples) implements Draws {

    @Override
    public float[] normal(String purpose, int count) {
        float[] values = new float[count];
        int each = count / examples;
        for (int example = 0; example < examples; example++) {
            var sampler = ZigguratSampler.NormalizedGaussian.of(
                    KeyedRandom.of(seed, "validation " + purpose, first + example));
            for (int i = 0; i < each; i++) {
                values[example * each + i] = (float) sampler.sample();
            }
        }
        return values;
    }

    /**
     * Spreads the examples evenly instead: the radical inverse in base 2 (van der Corput 1935) visits 0, 1/2, 1/4, 3/4, 1/8... of the
     * range, so that any number of examples covers it.
     */
    @Override
    public int[] uniform(String purpose, int count, int bound) {
        int[] values = new int[count];
        for (int i = 0; i < count; i++) {
            double inverse = Integer.toUnsignedLong(Integer.reverse((int) (first + i))) * 0x1p-32;
            values[i] = (int) (inverse * bound);
        }
        return values;
    }
}

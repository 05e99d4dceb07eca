package org.rekindle.worker.training;

import org.apache.commons.rng.UniformRandomProvider;
import org.apache.commons.rng.sampling.distribution.ZigguratSampler;
import org.rekindle.data.KeyedRandom;

/**
 * What chance decides for one lane in one step. Drawn on the host from (seed, purpose, step, lane), so it depends neither on which
 * worker or device runs the lane nor on how often the run was killed.
 *
 * @param seed {@code system.seed}
 * @param step the optimizer step, from 1
 * @param lane the lane
 */
record LaneDraws(long seed, long step, int lane) implements Draws {

    @Override
    public float[] normal(String purpose, int count) {
        var sampler = ZigguratSampler.NormalizedGaussian.of(generator(purpose));
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) sampler.sample();
        }
        return values;
    }

    @Override
    public int[] uniform(String purpose, int count, int bound) {
        UniformRandomProvider generator = generator(purpose);
        int[] values = new int[count];
        for (int i = 0; i < count; i++) {
            values[i] = generator.nextInt(bound);
        }
        return values;
    }

    private UniformRandomProvider generator(String purpose) {
        return KeyedRandom.of(seed, purpose, step, lane);
    }
}

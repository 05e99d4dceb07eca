package org.rekindle.worker.diffusion;

import org.apache.commons.rng.UniformRandomProvider;
import org.apache.commons.rng.sampling.distribution.ZigguratSampler;
import org.rekindle.data.KeyedRandom;

/**
 * The chance in one image: standard normal numbers that are a function of seed, uid and step alone, whatever else is drawn with it.
 *
 * @param seed of the generation
 * @param uid the image's name
 */
public record ImageNoise(long seed, String uid) {

    /** What the image begins with. */
    public float[] latents(int length) {
        return normal(KeyedRandom.of(seed, "latents " + uid), length);
    }

    /** What a stochastic scheduler adds in a step. */
    public float[] step(int index, int length) {
        return normal(KeyedRandom.of(seed, "step " + uid, index), length);
    }

    private static float[] normal(UniformRandomProvider random, int length) {
        ZigguratSampler.NormalizedGaussian gaussian = ZigguratSampler.NormalizedGaussian.of(random);
        float[] noise = new float[length];
        for (int i = 0; i < length; i++) {
            noise[i] = (float) gaussian.sample();
        }
        return noise;
    }
}

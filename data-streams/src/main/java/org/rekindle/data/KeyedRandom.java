package org.rekindle.data;

import java.nio.charset.StandardCharsets;
import org.apache.commons.rng.UniformRandomProvider;
import org.apache.commons.rng.simple.RandomSource;

/**
 * Random generators that are pure functions of a key, such as (seed, "noise", step, lane): what they draw depends on neither world
 * size nor machine nor how often a run was killed.
 */
public final class KeyedRandom {

    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private KeyedRandom() {}

    /**
     * Returns a fresh xoshiro256++ generator for one purpose.
     *
     * @param seed the run's seed
     * @param purpose what is drawn, such as {@code "noise"}: different purposes never share a stream
     * @param key what the draw belongs to, such as the step and the lane
     */
    public static UniformRandomProvider of(long seed, String purpose, long... key) {
        long state = mix(seed + GOLDEN_GAMMA);
        for (byte b : purpose.getBytes(StandardCharsets.UTF_8)) {
            state = mix(state + GOLDEN_GAMMA + b);
        }
        for (long part : key) {
            state = mix(state + GOLDEN_GAMMA ^ mix(part + GOLDEN_GAMMA));
        }
        long[] seeds = new long[4];
        for (int i = 0; i < seeds.length; i++) {
            state += GOLDEN_GAMMA;
            seeds[i] = mix(state);
        }
        return RandomSource.XO_SHI_RO_256_PP.create(seeds);
    }

    /** The output function of SplitMix64 (Steele, Lea and Flood 2014, variant 13 of Stafford's mixers). */
    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}

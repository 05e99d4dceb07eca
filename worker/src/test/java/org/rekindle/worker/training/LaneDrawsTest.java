package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class LaneDrawsTest {

    @Test
    void theSameKeyDrawsTheSameNumbersAndAnyOtherKeyOthers() {
        float[] noise = new LaneDraws(7, 3, 2).normal(LaneDraws.NOISE, 100);

        assertThat(new LaneDraws(7, 3, 2).normal(LaneDraws.NOISE, 100)).isEqualTo(noise);
        assertThat(new LaneDraws(8, 3, 2).normal(LaneDraws.NOISE, 100)).isNotEqualTo(noise);
        assertThat(new LaneDraws(7, 4, 2).normal(LaneDraws.NOISE, 100)).isNotEqualTo(noise);
        assertThat(new LaneDraws(7, 3, 1).normal(LaneDraws.NOISE, 100)).isNotEqualTo(noise);
        assertThat(new LaneDraws(7, 3, 2).normal(LaneDraws.LATENTS, 100)).isNotEqualTo(noise);
    }

    @Test
    void aSmallerBatchDrawsThePrefix() {
        LaneDraws draws = new LaneDraws(0, 1, 0);

        assertThat(draws.normal(LaneDraws.NOISE, 10)).isEqualTo(Arrays.copyOf(draws.normal(LaneDraws.NOISE, 100), 10));
    }

    @Test
    void noiseIsStandardNormal() {
        float[] noise = new LaneDraws(1, 1, 0).normal(LaneDraws.NOISE, 200_000);

        double mean = 0;
        double square = 0;
        for (float value : noise) {
            mean += value / noise.length;
            square += (double) value * value / noise.length;
        }
        assertThat(mean).isCloseTo(0, within(0.01));
        assertThat(square).isCloseTo(1, within(0.02));
    }

    @Test
    void timestepsAreUniformFromZeroToTheLastOne() {
        int[] timesteps = new LaneDraws(1, 1, 0).uniform(LaneDraws.TIMESTEPS, 100_000, 10);

        int[] counts = new int[10];
        for (int timestep : timesteps) {
            counts[timestep]++;
        }
        assertThat(Arrays.stream(counts)).allSatisfy(count -> assertThat(count).isBetween(9_600, 10_400));
    }
}

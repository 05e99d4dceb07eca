package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class HeldOutDrawsTest {

    @Property(tries = 50)
    void anExampleDrawsTheSameWhateverBatchItIsIn(
            @ForAll @IntRange(max = 1000) int first, @ForAll @IntRange(min = 1, max = 8) int examples) {
        HeldOutDraws batch = new HeldOutDraws(7, first, examples);
        float[] noise = batch.normal(Draws.NOISE, 3 * examples);
        int[] timesteps = batch.uniform(Draws.TIMESTEPS, examples, 1000);
        for (int i = 0; i < examples; i++) {
            HeldOutDraws alone = new HeldOutDraws(7, first + i, 1);
            assertThat(alone.normal(Draws.NOISE, 3)).containsExactly(Arrays.copyOfRange(noise, 3 * i, 3 * i + 3));
            assertThat(alone.uniform(Draws.TIMESTEPS, 1, 1000)).containsExactly(timesteps[i]);
        }
    }

    @Property(tries = 50)
    void anyNumberOfExamplesCoversTheSchedule(
            @ForAll @IntRange(min = 1, max = 500) int examples, @ForAll @IntRange(min = 10, max = 1000) int bound) {
        int[] timesteps = new HeldOutDraws(0, 0, examples).uniform(Draws.TIMESTEPS, examples, bound);
        Arrays.sort(timesteps);
        // n examples leave no gap larger than 2 / n of the range.
        int gap = 2 * bound / examples + 1;
        assertThat(timesteps[0]).isZero();
        assertThat(timesteps[examples - 1]).isBetween(bound - 1 - gap, bound - 1);
        for (int i = 1; i < examples; i++) {
            assertThat(timesteps[i] - timesteps[i - 1]).isBetween(0, gap);
        }
    }

    @Example
    void purposesExamplesAndSeedsDiffer() {
        float[] noise = new HeldOutDraws(7, 0, 1).normal(Draws.NOISE, 10);

        assertThat(new HeldOutDraws(7, 1, 1).normal(Draws.NOISE, 10)).isNotEqualTo(noise);
        assertThat(new HeldOutDraws(8, 0, 1).normal(Draws.NOISE, 10)).isNotEqualTo(noise);
        assertThat(new HeldOutDraws(7, 0, 1).normal(Draws.LATENTS, 10)).isNotEqualTo(noise);
        assertThat(new LaneDraws(7, 0, 0).normal(Draws.NOISE, 10)).isNotEqualTo(noise);
    }
}

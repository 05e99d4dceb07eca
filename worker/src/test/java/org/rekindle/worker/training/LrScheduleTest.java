package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class LrScheduleTest {

    @Test
    void warmupGivesTheFirstStepItsShareAndTheLastWarmupStepTheFullRate() {
        LrSchedule schedule = LrSchedule.constantWithWarmup(1e-4, 500);

        assertThat(schedule.at(0)).isCloseTo(1e-4 / 500, within(1e-15));
        assertThat(schedule.at(249)).isCloseTo(0.5e-4, within(1e-15));
        assertThat(schedule.at(499)).isEqualTo(1e-4);
        assertThat(schedule.at(500)).isEqualTo(1e-4);
        assertThat(schedule.at(1_000_000)).isEqualTo(1e-4);
    }

    @Test
    void withoutWarmupTheFirstStepHasTheFullRate() {
        assertThat(LrSchedule.constantWithWarmup(1e-4, 0).at(0)).isEqualTo(1e-4);
        assertThat(LrSchedule.cosineWithWarmup(1e-4, 0, 10).at(0)).isEqualTo(1e-4);
    }

    @Test
    void cosineIsFullAfterTheWarmupHalfInTheMiddleAndZeroAtTheEnd() {
        LrSchedule schedule = LrSchedule.cosineWithWarmup(2e-4, 100, 1100);

        assertThat(schedule.at(49)).isCloseTo(1e-4, within(1e-15));
        assertThat(schedule.at(100)).isEqualTo(2e-4);
        assertThat(schedule.at(600)).isCloseTo(1e-4, within(1e-15));
        assertThat(schedule.at(350)).isCloseTo(0.5 * (1 + Math.cos(Math.PI / 4)) * 2e-4, within(1e-15));
        assertThat(schedule.at(1100)).isCloseTo(0, within(1e-15));
        assertThat(schedule.at(2000)).isCloseTo(0, within(1e-15));
    }

    @Property
    void theRateNeverLeavesZeroToTheConfiguredRate(
            @ForAll @IntRange(max = 3000) int index,
            @ForAll @IntRange(max = 500) int warmup,
            @ForAll @IntRange(min = 1, max = 2000) int total) {
        assertThat(LrSchedule.cosineWithWarmup(1, warmup, total).at(index)).isBetween(0.0, 1.0);
    }
}

package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;
import org.rekindle.coordinator.config.EmaConfig;

class ExponentialMovingAverageTest {

    private static double decay(EmaConfig ema, long update) {
        return ExponentialMovingAverage.decayOf(ema, update);
    }

    @Test
    void theDecayWarmsUpFromTwoElevenths() {
        EmaConfig ema = new EmaConfig(null, 0.995, null, null, null);
        assertThat(decay(ema, 1)).isEqualTo(2.0 / 11);
        assertThat(decay(ema, 90)).isEqualTo(0.91);
        assertThat(decay(ema, 1789)).isLessThan(0.995);
        assertThat(decay(ema, 1791)).isEqualTo(0.995);
        assertThat(decay(ema, 1_000_000)).isEqualTo(0.995);
    }

    @Test
    void withoutWarmUpTheDecayIsTheConfiguredOneFromTheStart() {
        assertThat(decay(new EmaConfig(null, 0.9, "none", null, null), 1)).isEqualTo(0.9);
        assertThat(decay(new EmaConfig("averages", 0.9, null, null, null), 1))
                .as("averages that come from elsewhere are warm")
                .isEqualTo(0.9);
    }

    /** The figures in the documentation of diffusers' EMAModel, whose step is one less than the update. */
    @Test
    void powerWarmsUpAsEmaModelSays() {
        EmaConfig long3 = new EmaConfig(null, 0.9999, "power", null, null);
        assertThat(decay(long3, 1)).isZero();
        assertThat(decay(long3, 31_623)).isCloseTo(0.999, within(1e-7));
        assertThat(decay(long3, 1_000_001)).isCloseTo(0.9999, within(1e-9));
        EmaConfig short4 = new EmaConfig(null, 0.9999, "power", 1.0, 0.75);
        assertThat(decay(short4, 10_001)).isCloseTo(0.999, within(1e-6));
    }

    @Property(tries = 200)
    void withPowerOneTheAverageIsThatOfAllWeightsSoFar(@ForAll @LongRange(min = 1, max = 100_000) long update) {
        assertThat(1 - decay(new EmaConfig(null, 1.0, "power", 1.0, 1.0), update))
                .isCloseTo(1.0 / update, within(1e-12));
    }

    @Property(tries = 200)
    void theDecayGrowsAndStaysBelowItsBound(
            @ForAll @LongRange(min = 1, max = 100_000) long update,
            @ForAll @DoubleRange(min = 0.1, max = 100) double invGamma,
            @ForAll @DoubleRange(min = 0.1, max = 2) double power) {
        EmaConfig ema = new EmaConfig(null, 0.99, "power", invGamma, power);
        assertThat(decay(ema, update)).isBetween(0.0, 0.99).isLessThanOrEqualTo(decay(ema, update + 1));
    }
}

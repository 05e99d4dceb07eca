package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ExponentialMovingAverageTest {

    @Test
    void theDecayWarmsUpFromTwoElevenths() {
        assertThat(ExponentialMovingAverage.decayOf(0.995, 1)).isEqualTo(2.0 / 11);
        assertThat(ExponentialMovingAverage.decayOf(0.995, 90)).isEqualTo(0.91);
        assertThat(ExponentialMovingAverage.decayOf(0.995, 1789)).isLessThan(0.995);
        assertThat(ExponentialMovingAverage.decayOf(0.995, 1791)).isEqualTo(0.995);
        assertThat(ExponentialMovingAverage.decayOf(0.995, 1_000_000)).isEqualTo(0.995);
    }
}

package org.rekindle.coordinator.steps;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.rekindle.coordinator.steps.TimeLeft.Reach;

class TimeLeftTest {

    @Test
    void aDrainDoesWhatThereIsTimeFor() {
        assertThat(new TimeLeft(120, 30, 60).reach()).isEqualTo(Reach.STEP_AND_SAVE);
        assertThat(new TimeLeft(120, 50, 60).reach()).isEqualTo(Reach.SAVE);
        assertThat(new TimeLeft(120, 1, 110).reach()).isEqualTo(Reach.NOTHING);
    }

    @Test
    void whatWasNotMeasuredIsTried() {
        assertThat(new TimeLeft(30, Double.NaN, Double.NaN).reach()).isEqualTo(Reach.STEP_AND_SAVE);
        assertThat(new TimeLeft(30, 100, Double.NaN).reach()).isEqualTo(Reach.SAVE);
    }

    @Test
    void theEndIsKeptForClosing() {
        assertThat(new TimeLeft(120, 1, 1).patience()).isEqualTo(Duration.ofSeconds(95));
        assertThat(new TimeLeft(30, 1, 1).patience()).isEqualTo(Duration.ofSeconds(20));
    }
}

package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class StageClockTest {

    private final AtomicInteger waits = new AtomicInteger();
    private final StageClock clock = new StageClock(waits::incrementAndGet);

    @Test
    void stagesAreTimedAndEachEndsWithTheDevice() {
        long before = System.nanoTime();
        clock.start();
        clock.entering(Stage.FORWARD);
        clock.entering(Stage.BACKWARD);
        clock.entering(Stage.FORWARD);
        var nanos = clock.stop();
        long all = System.nanoTime() - before;

        assertThat(nanos).containsOnlyKeys(Stage.DATA, Stage.FORWARD, Stage.BACKWARD);
        assertThat(nanos.values().stream().mapToLong(Long::longValue).sum()).isBetween(1L, all);
        assertThat(waits).as("at the start, at each border and at the end").hasValue(5);
    }

    @Test
    void aClockThatStandsStillDoesNotWaitForTheDevice() {
        clock.entering(Stage.FORWARD);
        clock.start();
        clock.stop();
        clock.entering(Stage.BACKWARD);

        assertThat(waits).hasValue(2);
    }

    @Test
    void percentilesLieBetweenNeighbours() {
        assertThat(Spread.of(5, 1, 2, 4, 3)).isEqualTo(new Spread(1.4, 3, 4.6));
        assertThat(Spread.of(1, 2).median()).isEqualTo(1.5);
        assertThat(Spread.of(7)).isEqualTo(new Spread(7, 7, 7));
    }
}

package org.rekindle.coordinator.monitoring;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.rekindle.coordinator.protocol.StepStages;
import org.rekindle.data.lanes.StageCounts;

class StragglersTest {

    private static StepStages stages(double dataWait, double compute, double reduce) {
        return new StepStages(dataWait, compute, reduce, StageCounts.NONE);
    }

    @Property(tries = 200)
    void theOneThatTakesTwiceAsLongIsFoundWithItsStage(
            @ForAll @IntRange(min = 2, max = 6) int workers,
            @ForAll @IntRange(min = 0, max = 5) int which,
            @ForAll boolean data) {
        int slow = which % workers;
        Stragglers stragglers = new Stragglers();
        for (int step = 0; step < 25; step++) {
            List<StepStages> ranks = new ArrayList<>();
            for (int rank = 0; rank < workers; rank++) {
                boolean late = rank == slow;
                ranks.add(stages(late && data ? 1.1 : 0.1, late && !data ? 2 : 1, late ? 0.1 : 1.1));
            }
            stragglers.add(1, ranks, Collections.nCopies(workers, 1));
        }
        for (int rank = 0; rank < workers; rank++) {
            String expected = rank != slow ? "" : data ? "data" : "compute";
            assertThat(stragglers.slowStage(rank)).as("rank %d", rank).isEqualTo(expected);
        }
    }

    @Test
    void waitingInTheCollectiveIsNoSlowness() {
        Stragglers stragglers = new Stragglers();
        for (int step = 0; step < 25; step++) {
            stragglers.add(1, List.of(stages(0, 1, 9), stages(0, 1, 0.1), stages(0, 1, 3)), List.of(1, 1, 1));
        }
        assertThat(List.of(stragglers.slowStage(0), stragglers.slowStage(1), stragglers.slowStage(2)))
                .containsOnly("");
        assertThat(stragglers.pace(0)).contains(new Stragglers.Pace(0, 1, 9));
    }

    @Test
    void aNewGenerationIsJudgedAnew() {
        Stragglers stragglers = new Stragglers();
        for (int step = 0; step < 25; step++) {
            stragglers.add(1, List.of(stages(0, 1, 0), stages(0, 3, 0)), List.of(1, 1));
        }
        assertThat(stragglers.slowStage(1)).isEqualTo("compute");
        stragglers.add(2, List.of(stages(0, 3, 0)), List.of(2));
        assertThat(stragglers.slowStage(0)).isEmpty();
        assertThat(stragglers.pace(1)).isEmpty();
    }

    @Test
    void oneSlowStepIsNoSlowWorker() {
        Stragglers stragglers = new Stragglers();
        for (int step = 0; step < 30; step++) {
            stragglers.add(1, List.of(stages(0, 1, 0), stages(0, step == 20 ? 60 : 1, 0)), List.of(1, 1));
        }
        assertThat(stragglers.slowStage(1)).isEmpty();
    }

    @Test
    void whoComputesTwiceAsManyLanesMayTakeTwiceAsLong() {
        Stragglers stragglers = new Stragglers();
        for (int step = 0; step < 25; step++) {
            stragglers.add(1, List.of(stages(0, 2, 0), stages(0, 1, 1)), List.of(2, 1));
        }
        assertThat(stragglers.slowStage(0)).isEmpty();
    }

    @Test
    void whoIsSlowIsSoUntilItClearlyKeepsUp() {
        Stragglers stragglers = new Stragglers();
        for (double time : List.of(1.6, 1.4, 1.2)) {
            for (int step = 0; step < 25; step++) {
                stragglers.add(1, List.of(stages(0, 1, 0), stages(0, time, 0)), List.of(1, 1));
            }
            assertThat(stragglers.slowStage(1)).as("%s times as long", time).isEqualTo(time < 1.25 ? "" : "compute");
        }
    }
}

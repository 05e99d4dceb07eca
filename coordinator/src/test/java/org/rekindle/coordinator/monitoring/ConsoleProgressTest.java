package org.rekindle.coordinator.monitoring;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.rekindle.data.lanes.StageCounts;

class ConsoleProgressTest {

    private static final long SECOND = 1_000_000_000L;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final AtomicLong clock = new AtomicLong();

    @Test
    void elsewhereThanOnATerminalALineComesEveryTenSecondsAndAtTheEnd() {
        try (ConsoleProgress progress = open(false)) {
            progress.started(0, 30, 0);
            run(progress, 1, 30);
        }

        assertThat(text().lines())
                .containsExactly(
                        "training 30 steps",
                        "step 10 of 30: loss 0.5000, 8.0 images/s, 0:00:20 left",
                        "step 20 of 30: loss 0.5000, 8.0 images/s, 0:00:10 left",
                        "step 30 of 30: loss 0.5000, 8.0 images/s, 0:00:00 left");
    }

    @Test
    void aRunThatIsDrainedTellsItsLastStep() {
        try (ConsoleProgress progress = open(false)) {
            progress.started(5, 7200, 40);
            run(progress, 6, 8);
            progress.saved(8, Path.of("current_pipeline"));
            progress.message("drained");
        }

        assertThat(text().lines())
                .containsExactly(
                        "going on after step 5 of 7200",
                        "checkpoint of step 8: current_pipeline",
                        "drained",
                        "step 8 of 7200: loss 0.5000, 8.0 images/s, 1:59:52 left");
    }

    @Test
    void aTrainingThatWaitsForDataIsToldWhy() {
        StageCounts.Stage busy = new StageCounts.Stage(100, 2000, 19, 3, 2);
        StageCounts.Stage idle = new StageCounts.Stage(100, 2000, 1, 3, 2);
        StageCounts.Losses none = new StageCounts.Losses(0, 0, Map.of(), 0, 0);
        try (ConsoleProgress progress = open(false)) {
            progress.started(0, 7200, 0);
            progress.committed(new StepMetrics(
                    1, 8, 0.5, 1e-4, 1, 1, 0, 1, false, new StageCounts(busy, idle, idle, none, 8, 20)));
            progress.committed(new StepMetrics(
                    2, 16, 0.5, 1e-4, 1, 1, 0, 1, false, new StageCounts(busy, idle, idle, none, 0.1, 20)));
        }
        assertThat(text().lines().filter(line -> line.contains("data")))
                .containsExactly(
                        "40 % of the time went by waiting for data, limited by reading: one thread a lane reads"
                                + " shards without pause; raise system.lanes, or bring the shards nearer (a local disk, a faster store)");
    }

    @Test
    void onATerminalABarShowsRateLossAndSteps() {
        try (ConsoleProgress progress = open(true)) {
            progress.started(0, 30, 0);
            run(progress, 1, 30);
        }

        assertThat(text()).contains("training").contains("100%").contains("30/30");
    }

    private ConsoleProgress open(boolean terminal) {
        return ConsoleProgress.create(new PrintStream(bytes, true, StandardCharsets.UTF_8), terminal, clock::get);
    }

    private void run(ConsoleProgress progress, int first, int last) {
        for (int step = first; step <= last; step++) {
            clock.addAndGet(SECOND);
            progress.committed(new StepMetrics(step, step * 8L, 0.5, 1e-4, 1, 1, 0, 1, false, null));
        }
    }

    private String text() {
        return bytes.toString(StandardCharsets.UTF_8);
    }
}

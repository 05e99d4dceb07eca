package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryTest {

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final int STEPS = 60;

    @Test
    void residentMemoryStaysFlatOverManySteps(@TempDir Path folder) throws IOException {
        assumeThat(STATUS).exists();
        TinyRun run = TinyRun.denoising(folder);
        try (ModelSession session = ModelSession.open(run.config(), run.fresh())) {
            long step = 0;
            while (step < STEPS) {
                step(session, ++step);
            }
            long before = residentKiB();
            while (step < 2 * STEPS) {
                step(session, ++step);
            }
            long after = residentKiB();
            // The activations of a step take about 2 MB: those of five steps would show.
            assertThat(after - before).isLessThan(8 * 1024);
        }
    }

    private static void step(ModelSession session, long step) {
        session.computeGradients(step, List.of(TinyRun.batch(step, 0)), 1);
        session.apply(step);
    }

    private static long residentKiB() throws IOException {
        System.gc();
        return Files.readAllLines(STATUS).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}

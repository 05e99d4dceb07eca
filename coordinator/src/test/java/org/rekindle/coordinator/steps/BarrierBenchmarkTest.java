package org.rekindle.coordinator.steps;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The small form of {@code bench barrier}. */
@Timeout(120)
class BarrierBenchmarkTest {

    @TempDir
    Path folder;

    @Test
    void everyStepIsCommittedAndNoMessageGrowsWithTheWorkers() throws Exception {
        BarrierBenchmark.Result eight = BarrierBenchmark.run(8, 2, 20, Files.createDirectory(folder.resolve("8")));
        BarrierBenchmark.Result forty = BarrierBenchmark.run(40, 2, 20, Files.createDirectory(folder.resolve("40")));

        assertThat(eight.steps()).isEqualTo(20);
        assertThat(eight.messagesPerStep()).isEqualTo(16);
        assertThat(eight.medianMillis()).isPositive();
        assertThat(eight.p99Millis()).isGreaterThanOrEqualTo(eight.medianMillis());
        List<String> ledger = Files.readAllLines(folder.resolve("40/ledger.jsonl"));
        assertThat(ledger.stream().filter(line -> !line.contains("\"event\""))).hasSize(1000 + 20);
        // five times the workers: what comes and goes for each, and their cursors for three of them
        assertThat(forty.bytesPerStep()).isLessThan(6 * eight.bytesPerStep());
    }
}

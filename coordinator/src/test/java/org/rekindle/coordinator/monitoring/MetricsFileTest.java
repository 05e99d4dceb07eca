package org.rekindle.coordinator.monitoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.lanes.StageCounts;

class MetricsFileTest {

    private static final long SECOND = 1_000_000_000L;

    @TempDir
    Path folder;

    private final AtomicLong clock = new AtomicLong();

    @Test
    void aLineHoldsTheOriginalsNames() throws IOException {
        try (MetricsFile metrics = open()) {
            metrics.started(0, 10, 0);
            clock.addAndGet(2 * SECOND);
            metrics.committed(new StepMetrics(1, 32, 0.5, 1e-4, 2.25, 2, 0, 1, false, null));
        }

        assertThat(lines())
                .containsExactly("{\"step\":1,\"examples_seen\":32,\"step_loss\":0.5,\"lr\":1.0E-4,\"grad_norm\":2.25,"
                        + "\"data_wait\":0.0,\"images/sec\":16.0,\"images/sec/gpu\":8.0}");
    }

    @Test
    void theStepOfACheckpointTellsHowTheDataPlaneDoes() throws IOException {
        StageCounts counts = new StageCounts(
                new StageCounts.Stage(100, 2000, 1.5, 3, 2),
                new StageCounts.Stage(90, 1800, 2.5, 4, 6),
                new StageCounts.Stage(10, 9000, 0.5, 1, 2),
                new StageCounts.Losses(1, 2, Map.of("score<=5", 7L), 3, 1),
                0.25,
                20);
        try (MetricsFile metrics = open()) {
            metrics.started(0, 10, 0);
            metrics.committed(new StepMetrics(1, 32, 0.5, 1e-4, 2.25, 2, 0.125, 1, false, counts));
        }
        JsonNode line = new ObjectMapper().readTree(lines().get(0));
        assertThat(line.get("data_wait").doubleValue()).isEqualTo(0.125);
        assertThat(line.at("/data/read/busy_seconds").doubleValue()).isEqualTo(1.5);
        assertThat(line.at("/data/losses/rejected/score<=5").longValue()).isEqualTo(7);
        assertThat(line.at("/data/losses/skipped_shards").longValue()).isEqualTo(1);
    }

    @Test
    void aSkippedStepHasNullForItsLoss() throws IOException {
        try (MetricsFile metrics = open()) {
            metrics.started(0, 10, 0);
            clock.addAndGet(SECOND);
            metrics.committed(new StepMetrics(1, 32, Double.NaN, 1e-4, Double.POSITIVE_INFINITY, 1, 0, 1, true, null));
        }

        JsonNode line = new ObjectMapper().readTree(lines().get(0));
        assertThat(line.get("step_loss").isNull()).isTrue();
        assertThat(line.get("grad_norm").isNull()).isTrue();
        assertThat(line.get("skipped").booleanValue()).isTrue();
    }

    @Test
    void theRateFollowsTheLastTwentySteps() throws IOException {
        try (MetricsFile metrics = open()) {
            metrics.started(0, 1000, 0);
            for (int step = 1; step <= 60; step++) {
                clock.addAndGet(step <= 30 ? 10 * SECOND : SECOND);
                metrics.committed(new StepMetrics(step, step * 8L, 1, 1, 1, 1, 0, 1, false, null));
            }
        }

        assertThat(rate(29)).isCloseTo(0.8, within(1e-9));
        assertThat(rate(39)).as("ten slow and ten fast steps").isCloseTo(160.0 / 110, within(1e-9));
        assertThat(rate(59)).isCloseTo(8, within(1e-9));
    }

    @Test
    void aResumedRunReplacesTheLinesAfterItsCheckpoint() throws IOException {
        try (MetricsFile metrics = open()) {
            metrics.started(0, 10, 0);
            for (int step = 1; step <= 5; step++) {
                metrics.committed(new StepMetrics(step, step * 8L, 1, 1, 1, 1, 0, 1, false, null));
            }
        }
        try (MetricsFile metrics = open()) {
            metrics.started(3, 10, 24);
            clock.addAndGet(SECOND);
            metrics.committed(new StepMetrics(4, 32, 7, 1, 1, 1, 0, 1, false, null));
        }

        assertThat(lines()).hasSize(4);
        assertThat(new ObjectMapper().readTree(lines().get(3)).get("step_loss").doubleValue())
                .isEqualTo(7);
        assertThat(rate(3)).as("examples before the start do not count").isCloseTo(8, within(1e-9));
    }

    @Test
    void aValidationIsALineOfItsStepAndStaysWithTheStepOnResume() throws IOException {
        try (MetricsFile metrics = open()) {
            metrics.started(0, 10, 0);
            for (int step = 1; step <= 4; step++) {
                metrics.committed(new StepMetrics(step, step * 8L, 1, 1, 1, 1, 0, 1, false, null));
                metrics.validated(step, 0.25 * step);
            }
        }
        try (MetricsFile metrics = open()) {
            metrics.started(3, 10, 24);
        }

        assertThat(lines()).hasSize(6);
        assertThat(lines().get(5)).isEqualTo("{\"step\":3,\"validation_loss\":0.75}");
    }

    private MetricsFile open() {
        return MetricsFile.open(folder.resolve("metrics.jsonl"), Map.of(), clock::get);
    }

    private List<String> lines() throws IOException {
        return Files.readAllLines(folder.resolve("metrics.jsonl"));
    }

    private double rate(int line) throws IOException {
        return new ObjectMapper().readTree(lines().get(line)).get("images/sec").doubleValue();
    }
}

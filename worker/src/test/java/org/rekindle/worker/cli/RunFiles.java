package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rekindle.worker.chaos.RunComparison;

/** What a run left in its folder. */
record RunFiles(Path folder) {

    private static final ObjectMapper JSON = new ObjectMapper();

    Path metricsFile() {
        return folder.resolve("metrics.jsonl");
    }

    /** A line per committed step. */
    List<JsonNode> metrics() throws IOException {
        return lines(metricsFile());
    }

    /** The loss of each step. */
    List<Double> losses() throws IOException {
        return metrics().stream().map(step -> step.get("step_loss").asDouble()).toList();
    }

    /** The ledger's lines of committed steps. */
    List<JsonNode> steps() throws IOException {
        return lines(folder.resolve("ledger.jsonl")).stream()
                .filter(line -> !line.has("event"))
                .toList();
    }

    /** The ledger's other lines, of a kind. */
    List<JsonNode> events(String kind) throws IOException {
        return lines(folder.resolve("ledger.jsonl")).stream()
                .filter(line -> line.path("event").asText().equals(kind))
                .toList();
    }

    private static List<JsonNode> lines(Path file) throws IOException {
        List<JsonNode> nodes = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            nodes.add(JSON.readTree(line));
        }
        return nodes;
    }

    /** Every step once, with the examples, the loss and in the end the weights of an undisturbed run. */
    void assertSameTrainingAs(RunFiles undisturbed) throws IOException {
        RunComparison comparison = RunComparison.of(undisturbed.folder, folder);
        assertThat(comparison.agrees()).as("%s", comparison).isTrue();
        assertThat(steps().stream().map(step -> step.get("lanes")).toList())
                .isEqualTo(undisturbed.steps().stream()
                        .map(step -> step.get("lanes"))
                        .toList());
        assertGapless();
    }

    /** Every step of the ledger begins, in each lane, where the step before it ended. */
    void assertGapless() throws IOException {
        List<JsonNode> steps = steps();
        for (int i = 1; i < steps.size(); i++) {
            JsonNode before = steps.get(i - 1).get("lanes");
            JsonNode lanes = steps.get(i).get("lanes");
            assertThat(lanes.size()).isEqualTo(before.size());
            lanes.fields().forEachRemaining(lane -> assertThat(lane.getValue().get(0))
                    .as("lane %s", lane.getKey())
                    .isEqualTo(before.get(lane.getKey()).get(1)));
        }
    }
}

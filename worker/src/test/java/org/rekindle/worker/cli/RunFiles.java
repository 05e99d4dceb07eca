package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rekindle.worker.pipeline.SafetensorsFile;

/** What a run left in its folder. */
record RunFiles(Path folder) {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final double TOLERANCE = 1e-4;

    Path metricsFile() {
        return folder.resolve("metrics.jsonl");
    }

    /** A line per committed step. */
    List<JsonNode> metrics() throws IOException {
        return lines(metricsFile());
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

    /** Every step once, each lane from where the step before it ended, examples and losses of an undisturbed run. */
    void assertSameStepsAs(RunFiles undisturbed) throws IOException {
        List<JsonNode> expected = undisturbed.metrics();
        List<JsonNode> actual = metrics();
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            double loss = expected.get(i).get("step_loss").asDouble();
            assertThat(actual.get(i).get("step").asInt()).isEqualTo(i + 1);
            assertThat(actual.get(i).get("step_loss").asDouble())
                    .as("loss of step %d", i + 1)
                    .isCloseTo(loss, within(TOLERANCE * loss));
        }
        List<JsonNode> steps = steps();
        List<JsonNode> expectedSteps = undisturbed.steps();
        assertThat(steps).hasSameSizeAs(expectedSteps);
        for (int i = 0; i < steps.size(); i++) {
            assertThat(steps.get(i).get("lanes"))
                    .as("lanes of step %d", i + 1)
                    .isEqualTo(expectedSteps.get(i).get("lanes"));
        }
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

    /** Each tensor of the final UNet, by the L2 norm of what differs. */
    void assertSameWeightsAs(RunFiles undisturbed) {
        String unet = "current_pipeline/unet/diffusion_pytorch_model.safetensors";
        try (SafetensorsFile expected = SafetensorsFile.open(undisturbed.folder.resolve(unet));
                SafetensorsFile actual = SafetensorsFile.open(folder.resolve(unet))) {
            assertThat(actual.names()).isEqualTo(expected.names());
            for (String name : expected.names()) {
                float[] one = expected.tensor(name).floats();
                float[] other = actual.tensor(name).floats();
                double difference = 0;
                double norm = 0;
                for (int i = 0; i < one.length; i++) {
                    difference += Math.pow(other[i] - one[i], 2);
                    norm += Math.pow(one[i], 2);
                }
                assertThat(Math.sqrt(difference))
                        .as("difference of %s, of norm %s", name, Math.sqrt(norm))
                        .isLessThanOrEqualTo(TOLERANCE * Math.sqrt(norm));
            }
        }
    }
}

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
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code train} in processes of its own: killed, drained, started again. */
class TrainProcessTest {

    private static final int STEPS = 40;
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    static Path folder;

    private static List<JsonNode> undisturbed;

    @BeforeAll
    static void trainWithoutDisturbance() throws Exception {
        train("undisturbed").awaitSuccess();
        undisturbed = lines("undisturbed", "metrics.jsonl");
    }

    @Test
    void theUndisturbedRunCommitsEveryStepOnceAndLeavesPicturesAndAPipeline() throws Exception {
        assertStepsAreComplete(undisturbed);
        assertThat(folder.resolve("undisturbed/tiny/current_pipeline/unet/diffusion_pytorch_model.safetensors"))
                .exists();
        assertThat(folder.resolve("undisturbed/tiny/samples/step_00000040/grid.png"))
                .isNotEmptyFile();
        try (var checkpoints = Files.list(folder.resolve("undisturbed/tiny/checkpoints"))) {
            assertThat(checkpoints.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrder("step_00000030", "step_00000040");
        }
    }

    @Test
    void aRunKilledAtARandomMomentGoesOnWithTheSameLosses() throws Exception {
        RekindleProcess first = train("killed");
        first.awaitFile(folder.resolve("killed/tiny/checkpoints/step_00000010"));
        Thread.sleep(new Random().nextInt(500));
        first.kill();
        assertThat(lines("killed", "metrics.jsonl")).hasSizeLessThan(STEPS);

        RekindleProcess second = train("killed");
        second.awaitSuccess();

        assertThat(second.output()).contains("going on after step");
        assertSameLosses("killed");
        assertEachLaneIsGapless("killed");
        RekindleProcess verify = RekindleProcess.start(folder, "verify", "run=killed/tiny");
        verify.awaitSuccess();
    }

    @Test
    void sigusr1MakesACheckpointAtTheNextStepAndTheNextStartRepeatsNoExample() throws Exception {
        RekindleProcess first = train("drained");
        first.awaitLines(metrics("drained"), 13);
        first.signal("USR1");
        first.awaitSuccess();

        int stopped = lines("drained", "metrics.jsonl").size();
        assertThat(stopped).isLessThan(STEPS);
        assertThat(folder.resolve("drained/tiny/checkpoints/step_%08d/MANIFEST.json".formatted(stopped)))
                .exists();

        RekindleProcess second = train("drained");
        second.awaitSuccess();

        assertThat(second.output()).contains("going on after step " + stopped);
        assertSameLosses("drained");
        assertEachLaneIsGapless("drained");
    }

    private static RekindleProcess train(String run) throws IOException {
        Path config = Path.of("src/test/resources/recipes/tiny.yaml").toAbsolutePath();
        return RekindleProcess.start(folder, "train", "config=" + config, "experiment.log_dir=" + run);
    }

    private static Path metrics(String run) {
        return folder.resolve(run).resolve("tiny/metrics.jsonl");
    }

    private static List<JsonNode> lines(String run, String file) throws IOException {
        List<JsonNode> nodes = new ArrayList<>();
        for (String line :
                Files.readAllLines(folder.resolve(run).resolve("tiny").resolve(file))) {
            nodes.add(JSON.readTree(line));
        }
        return nodes;
    }

    private static void assertStepsAreComplete(List<JsonNode> metrics) {
        assertThat(metrics).hasSize(STEPS);
        for (int i = 0; i < STEPS; i++) {
            assertThat(metrics.get(i).get("step").asInt()).isEqualTo(i + 1);
            assertThat(metrics.get(i).get("examples_seen").asInt()).isEqualTo(8 * (i + 1));
        }
    }

    private static void assertSameLosses(String run) throws IOException {
        List<JsonNode> metrics = lines(run, "metrics.jsonl");
        assertStepsAreComplete(metrics);
        for (int i = 0; i < STEPS; i++) {
            for (String key : List.of("step_loss", "lr", "grad_norm")) {
                double expected = undisturbed.get(i).get(key).asDouble();
                assertThat(metrics.get(i).get(key).asDouble())
                        .as("%s of step %d", key, i + 1)
                        .isCloseTo(expected, within(1e-6 * Math.abs(expected)));
            }
        }
    }

    /** Every step of the ledger begins, in each lane, where the step before it ended. */
    private static void assertEachLaneIsGapless(String run) throws IOException {
        List<JsonNode> ledger = lines(run, "ledger.jsonl");
        assertThat(ledger).hasSize(STEPS);
        for (int i = 1; i < STEPS; i++) {
            JsonNode before = ledger.get(i - 1).get("lanes");
            JsonNode lanes = ledger.get(i).get("lanes");
            assertThat(lanes.size()).isEqualTo(2);
            lanes.fields().forEachRemaining(lane -> assertThat(lane.getValue().get(0))
                    .as("lane %s", lane.getKey())
                    .isEqualTo(before.get(lane.getKey()).get(1)));
        }
    }
}

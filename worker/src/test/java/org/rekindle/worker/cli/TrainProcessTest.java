package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code train} in processes of its own: killed, drained, started again. */
class TrainProcessTest {

    private static final int STEPS = 40;

    @TempDir
    static Path folder;

    private static List<JsonNode> undisturbed;

    @BeforeAll
    static void trainWithoutDisturbance() throws Exception {
        train("undisturbed").awaitSuccess();
        undisturbed = files("undisturbed").metrics();
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
        assertThat(files("killed").metrics()).hasSizeLessThan(STEPS);

        RekindleProcess second = train("killed");
        second.awaitSuccess();

        assertThat(second.output()).contains("going on after step");
        assertSameLosses("killed");
        assertThat(files("killed").steps()).hasSize(STEPS);
        files("killed").assertGapless();
        RekindleProcess verify = RekindleProcess.start(folder, "verify", "run=killed/tiny");
        verify.awaitSuccess();
    }

    @Test
    void sigusr1MakesACheckpointAtTheNextStepAndTheNextStartRepeatsNoExample() throws Exception {
        RekindleProcess first = train("drained");
        first.awaitLines(files("drained").metricsFile(), 13);
        first.signal("USR1");
        first.awaitSuccess();

        int stopped = files("drained").metrics().size();
        assertThat(stopped).isLessThan(STEPS);
        assertThat(folder.resolve("drained/tiny/checkpoints/step_%08d/MANIFEST.json".formatted(stopped)))
                .exists();

        RekindleProcess second = train("drained");
        second.awaitSuccess();

        assertThat(second.output()).contains("going on after step " + stopped);
        assertSameLosses("drained");
        assertThat(files("drained").steps()).hasSize(STEPS);
        files("drained").assertGapless();
    }

    private static RekindleProcess train(String run) throws IOException {
        Path config = Path.of("src/test/resources/recipes/tiny.yaml").toAbsolutePath();
        return RekindleProcess.start(folder, "train", "config=" + config, "experiment.log_dir=" + run);
    }

    private static RunFiles files(String run) {
        return new RunFiles(folder.resolve(run).resolve("tiny"));
    }

    private static void assertStepsAreComplete(List<JsonNode> metrics) {
        assertThat(metrics).hasSize(STEPS);
        for (int i = 0; i < STEPS; i++) {
            assertThat(metrics.get(i).get("step").asInt()).isEqualTo(i + 1);
            assertThat(metrics.get(i).get("examples_seen").asInt()).isEqualTo(8 * (i + 1));
        }
    }

    private static void assertSameLosses(String run) throws IOException {
        List<JsonNode> metrics = files(run).metrics();
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
}

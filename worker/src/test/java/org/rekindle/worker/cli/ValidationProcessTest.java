package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.shards.ShardRecipe;

/** {@code train} with a section {@code validation}, in processes of its own. */
class ValidationProcessTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    @Test
    void validationsAreTheSameWhateverHappensAndTheTrainingDoesNotNoticeThem() throws Exception {
        Path heldOut = folder.resolve("held-out.tar");
        new ShardRecipe("shapes", null, 10, 99L, null, null, null, 16, null, null, null).make(heldOut.toString());
        String[] validation = {"validation.path=" + heldOut, "validation.num_examples=9", "validation.every=4"};
        train("without").awaitSuccess();
        RekindleProcess undisturbed = train("undisturbed", validation);
        undisturbed.awaitSuccess();
        RekindleProcess killed = train("killed", validation);
        killed.awaitLines(folder.resolve("killed/tiny/metrics.jsonl"), 16);
        killed.kill();
        train("killed", validation).awaitSuccess();

        assertThat(undisturbed.output()).contains("validation loss of step 8: ");
        Map<Long, Double> losses = values("without", "step_loss");
        assertThat(losses).hasSize(20);
        assertThat(values("without", "validation_loss")).isEmpty();
        assertThat(values("undisturbed", "step_loss")).isEqualTo(losses);
        assertThat(values("killed", "step_loss")).isEqualTo(losses);
        Map<Long, Double> validated = values("undisturbed", "validation_loss");
        assertThat(validated).containsOnlyKeys(4L, 8L, 12L, 16L, 20L);
        assertThat(validated.get(20L)).isLessThan(validated.get(4L));
        assertThat(values("killed", "validation_loss")).isEqualTo(validated);
    }

    @Test
    void heldOutShardsThatAreMissingStopTheRunBeforeAnythingIsWritten() {
        CommandRun.of(
                        "train",
                        "config=" + CommandRun.TINY,
                        "experiment.log_dir=" + folder.resolve("missing"),
                        "validation.path=" + folder.resolve("none-{0..1}.tar"))
                .assertOneLine(1, "validation.path: 2 of 2 shards missing", "none-0.tar");
        assertThat(folder.resolve("missing/tiny/checkpoints/step_00000000")).doesNotExist();
    }

    private RekindleProcess train(String run, String... settings) throws IOException {
        List<String> arguments = new ArrayList<>(List.of(
                "train",
                "config=" + CommandRun.TINY,
                "experiment.log_dir=" + run,
                "experiment.num_examples_to_see=160",
                "experiment.save_every=8",
                "experiment.num_eval_images=0"));
        arguments.addAll(List.of(settings));
        return RekindleProcess.start(folder, arguments.toArray(String[]::new));
    }

    /** The lines that have the key, by step; a step twice is an error. */
    private Map<Long, Double> values(String run, String key) throws IOException {
        Map<Long, Double> values = new TreeMap<>();
        for (String line : Files.readAllLines(folder.resolve(run).resolve("tiny/metrics.jsonl"))) {
            JsonNode node = JSON.readTree(line);
            if (node.has(key)) {
                assertThat(values.put(node.get("step").asLong(), node.get(key).asDouble()))
                        .isNull();
            }
        }
        return values;
    }
}

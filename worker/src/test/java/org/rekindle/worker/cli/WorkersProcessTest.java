package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One run on one worker, and the same run stopped at random steps and gone on with by other numbers of workers: real processes. */
class WorkersProcessTest {

    private static final int STEPS = 40;
    private static final int LANES = 3;

    @TempDir
    Path folder;

    @Test
    void stoppedAtRandomStepsAndResumedByOtherNumbersOfWorkers() throws Exception {
        start("one", 1).get(0).awaitSuccess();
        List<JsonNode> undisturbed = lines("one", "metrics.jsonl");
        assertThat(undisturbed).hasSize(STEPS);

        Random random = new Random();
        int first = 3 + random.nextInt(12);
        List<RekindleProcess> two = start("many", 2);
        two.get(0).awaitLines(file("many", "metrics.jsonl"), first);
        two.get(random.nextInt(2)).signal("USR1");
        for (RekindleProcess each : two) {
            each.awaitSuccess();
        }
        int drained = lines("many", "metrics.jsonl").size();
        assertThat(drained).isBetween(first, STEPS - 1);

        List<RekindleProcess> three = start("many", 3);
        three.get(0).awaitLines(file("many", "metrics.jsonl"), drained + 3 + random.nextInt(5));
        for (RekindleProcess each : three) {
            each.kill();
        }

        for (RekindleProcess each : start("many", 2)) {
            each.awaitSuccess();
        }
        List<JsonNode> disturbed = lines("many", "metrics.jsonl");
        assertThat(disturbed).hasSize(STEPS);
        for (int i = 0; i < STEPS; i++) {
            double loss = undisturbed.get(i).get("step_loss").asDouble();
            assertThat(disturbed.get(i).get("step_loss").asDouble())
                    .as("step %d", i + 1)
                    .isCloseTo(loss, within(1e-4 * loss));
        }
        assertLedgersAgree();
        RekindleProcess.start(folder, "verify", "run=many/tiny").awaitSuccess();
    }

    /** In each lane every step begins where the one before it ended, and ends where it does on one worker: each example is there once. */
    private void assertLedgersAgree() throws IOException {
        List<JsonNode> one = lines("one", "ledger.jsonl");
        List<JsonNode> many = lines("many", "ledger.jsonl");
        assertThat(many).hasSize(STEPS);
        for (int i = 0; i < STEPS; i++) {
            assertThat(many.get(i).get("lanes"))
                    .as("step %d", i + 1)
                    .isEqualTo(one.get(i).get("lanes"));
            assertThat(many.get(i).get("lanes").size()).isEqualTo(LANES);
            for (int lane = 0; i > 0 && lane < LANES; lane++) {
                String from = "/lanes/" + lane + "/0";
                assertThat(many.get(i).at(from)).isEqualTo(many.get(i - 1).at("/lanes/" + lane + "/1"));
            }
        }
    }

    private List<RekindleProcess> start(String run, int workers) throws IOException {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        List<RekindleProcess> processes = new ArrayList<>();
        for (int rank = 0; rank < workers; rank++) {
            Map<String, String> environment = Map.of(
                    "RANK", Integer.toString(rank),
                    "WORLD_SIZE", Integer.toString(workers),
                    "MASTER_ADDR", "127.0.0.1",
                    "MASTER_PORT", Integer.toString(port));
            processes.add(RekindleProcess.startWith(
                    environment,
                    folder,
                    "train",
                    "config=" + CommandRun.TINY,
                    "experiment.log_dir=" + run,
                    "experiment.num_eval_images=1",
                    "experiment.save_every=5",
                    "system.lanes=" + LANES,
                    "system.batch_size=4",
                    "experiment.num_examples_to_see=" + 4 * LANES * STEPS));
        }
        return processes;
    }

    private Path file(String run, String name) {
        return folder.resolve(run).resolve("tiny").resolve(name);
    }

    private List<JsonNode> lines(String run, String name) throws IOException {
        List<JsonNode> nodes = new ArrayList<>();
        for (String line : Files.readAllLines(file(run, name))) {
            nodes.add(new ObjectMapper().readTree(line));
        }
        return nodes;
    }
}

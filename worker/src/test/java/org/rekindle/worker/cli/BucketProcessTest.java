package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.data.stores.Bucket;
import org.rekindle.data.stores.FaultyS3;
import org.rekindle.data.stores.S3Server;

/** {@code train} with {@code experiment.log_dir: s3://...}, against a real S3 server in the test's process. */
class BucketProcessTest {

    private static final int STEPS = 40;

    @TempDir
    static Path folder;

    private static S3Server server;
    private static FaultyS3 front;

    @BeforeAll
    static void start() throws Exception {
        server = S3Server.open();
        front = FaultyS3.before(server.port());
    }

    @AfterAll
    static void stop() throws Exception {
        front.close();
        server.close();
    }

    private static RekindleProcess start(String machine, String... arguments) throws IOException {
        return start(machine, Map.of(), arguments);
    }

    private static RekindleProcess start(String machine, Map<String, String> launcher, String... arguments)
            throws IOException {
        Path scratch = Files.createDirectories(folder.resolve(machine));
        Map<String, String> environment = new HashMap<>(launcher);
        environment.put("AWS_ENDPOINT_URL_S3", front.endpoint());
        environment.put("AWS_ACCESS_KEY_ID", "id");
        environment.put("AWS_SECRET_ACCESS_KEY", "secret");
        environment.put("REKINDLE_SCRATCH", scratch.toString());
        return RekindleProcess.startWith(environment, folder, arguments);
    }

    private static RekindleProcess train(String machine, String logDir) throws IOException {
        Path config = Path.of("src/test/resources/recipes/tiny.yaml").toAbsolutePath();
        return start(
                machine,
                "train",
                "config=" + config,
                "experiment.log_dir=" + logDir,
                "dataset.params.path=data/shapes-{000..003}.tar");
    }

    @Test
    void aRunInABucketThatIsKilledGoesOnFromAnEmptyMachineWithTheSameLosses() throws Exception {
        train("undisturbed", "local").awaitSuccess();
        RunFiles undisturbed = new RunFiles(folder.resolve("local/tiny"));
        Bucket run = front.bucket("s3://bucket/runs/tiny");

        RekindleProcess first = train("first", "s3://bucket/runs");
        first.await("a checkpoint of step 20 is in the bucket", () -> run.read("checkpoints/index.json")
                .filter(index -> index.text().contains("step_00000020"))
                .isPresent());
        first.kill();

        RekindleProcess second = train("second", "s3://bucket/runs");
        second.awaitSuccess();

        assertThat(second.output()).contains("going on after step");
        Path copy = Files.createDirectories(folder.resolve("copy"));
        for (Bucket.Entry metrics : run.list("metrics.jsonl")) {
            run.download(Map.of(metrics.key(), copy.resolve(metrics.key())), Map.of(metrics.key(), metrics.size()));
        }
        assertSameLosses(new RunFiles(copy).metrics(), undisturbed.metrics());
        assertThat(run.list(""))
                .extracting(Bucket.Entry::key)
                .contains("config.yaml", "samples/step_00000040/grid.png")
                .anyMatch(key -> key.matches("checkpoints/step_00000040-.*/MANIFEST.json"));
        RekindleProcess verify = start("third", "verify", "run=s3://bucket/runs/tiny");
        verify.awaitSuccess();
        assertThat(verify.output()).contains("ledger       gapless, nothing twice");
    }

    /** Two machines with a working copy each; the one that leads is lost, and the other has its checkpoints from the bucket alone. */
    @Test
    void anotherMachineTakesTheRunOver() throws Exception {
        Bucket run = front.bucket("s3://bucket/taken/tiny");
        String port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = Integer.toString(free.getLocalPort());
        }
        List<RekindleProcess> nodes = new ArrayList<>();
        for (int rank = 0; rank < 2; rank++) {
            nodes.add(start(
                    "node" + rank,
                    Map.of("RANK", rank + "", "WORLD_SIZE", "2", "MASTER_ADDR", "127.0.0.1", "MASTER_PORT", port),
                    "train",
                    "config=" + Path.of("src/test/resources/recipes/tiny.yaml").toAbsolutePath(),
                    "experiment.log_dir=s3://bucket/taken",
                    "experiment.num_eval_images=1",
                    "experiment.save_every=20",
                    "system.lanes=2",
                    "system.batch_size=4",
                    "experiment.num_examples_to_see=480",
                    "dataset.params.path=taken/shapes-{000..003}.tar"));
        }
        nodes.get(0).await("a checkpoint of step 20 is in the bucket", () -> run.read("checkpoints/index.json")
                .filter(index -> index.text().contains("step_00000020"))
                .isPresent());
        nodes.get(0).kill();
        nodes.get(1).awaitSuccess();

        assertThat(nodes.get(1).output()).contains("going on after step", "completed at step 60");
        Path ledger = folder.resolve("taken.jsonl");
        Ledger.fetch(run.in("ledger"), ledger);
        assertThat(Files.readString(ledger))
                .contains("\"event\":\"coordinator\"")
                .contains("\"step\":60");
        start("third", "verify", "run=s3://bucket/taken/tiny").awaitSuccess();
    }

    @Test
    void aWrongBucketAndDataThatCannotBeMadeThereAreOneLineEach() throws Exception {
        RekindleProcess nowhere = train("nowhere", "s3://nowhere/runs");
        assertThat(nowhere.await()).isEqualTo(1);
        assertThat(nowhere.output().strip())
                .startsWith("rekindle: s3://nowhere/runs/tiny: cannot be written (S3 status 404 NoSuchBucket")
                .contains("experiment.log_dir")
                .doesNotContain("\n");
        RekindleProcess made =
                start("made", "train", "config=" + CommandRun.TINY, "experiment.log_dir=s3://bucket/made");
        assertThat(made.await()).isEqualTo(1);
        assertThat(made.output().strip())
                .startsWith("rekindle: dataset.make makes files, and dataset.params.path=s3://bucket/made/")
                .doesNotContain("\n");
    }

    private static void assertSameLosses(List<JsonNode> metrics, List<JsonNode> expected) {
        assertThat(metrics).hasSize(STEPS);
        for (int i = 0; i < STEPS; i++) {
            assertThat(metrics.get(i).get("step").asInt()).isEqualTo(i + 1);
            double loss = expected.get(i).get("step_loss").asDouble();
            assertThat(metrics.get(i).get("step_loss").asDouble())
                    .as("loss of step %d", i + 1)
                    .isCloseTo(loss, within(1e-6 * Math.abs(loss)));
        }
    }
}

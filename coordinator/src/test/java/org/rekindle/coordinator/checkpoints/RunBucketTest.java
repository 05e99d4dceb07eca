package org.rekindle.coordinator.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.ledger.LedgerEvent;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.stores.Bucket;
import org.rekindle.data.stores.FaultyS3;
import org.rekindle.data.stores.S3Server;

/** {@link RunFolder} with {@code experiment.log_dir: s3://...}, against a real S3 server in this process. */
class RunBucketTest {

    private static S3Server server;
    private static FaultyS3 front;

    @TempDir
    Path folder;

    private final String prefix = "runs/" + UUID.randomUUID();
    private RunConfig config;

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

    @AfterEach
    void removeScratch() throws IOException {
        if (config != null) {
            DurableFiles.delete(config.experiment().folder().getParent());
        }
    }

    private RunConfig config(String logDir, String... overrides) throws IOException {
        Path file = Files.writeString(folder.resolve("run.yaml"), """
                system: {batch_size: 4}
                experiment: {log_dir: '%s', name: one, num_examples_to_see: 100}
                optimizer: {params: {learning_rate: 0.0001}}
                model: {pretrained: somewhere}
                dataset: {params: {path: data.tar, s3: {endpoint: '%s', anonymous: true}}}
                """.formatted(logDir, front.endpoint()));
        List<String> arguments = new ArrayList<>(List.of("config=" + file));
        arguments.addAll(List.of(overrides));
        return ConfigReader.read(arguments);
    }

    private RunConfig config() throws IOException {
        config = config("s3://bucket/" + prefix, "experiment.requeue=true");
        return config;
    }

    private List<String> keys() {
        return server.keys(prefix).stream()
                .map(key -> key.substring(prefix.length() + "/one/".length()))
                .toList();
    }

    /** Removes all that this machine knows of the run. */
    private void loseTheMachine() throws IOException {
        DurableFiles.delete(config.experiment().folder());
    }

    @Test
    void anotherMachineGoesOnWithAllThatCounts() throws IOException {
        try (RunFolder run = RunFolder.open(config())) {
            run.keep(config);
            run.checkpoints().commit(CheckpointFolderTest.state(1), run.generation(), CheckpointFolderTest.writer("w"));
            try (Ledger ledger = run.ledger()) {
                ledger.append(LedgerEvent.generation(0, 3, List.of(0), "start"));
                ledger.append(entry(1, 3));
            }
            Files.writeString(run.path().resolve("metrics.jsonl"), "{\"step\": 1}\n");
            Files.writeString(run.path().resolve("logs/train.log"), "words");
            RunBucket bucket = RunBucket.of(config).orElseThrow();
            bucket.uploadMetrics();
            bucket.uploadLogs();
        }
        assertThat(keys())
                .contains("config.yaml", "current_pipeline", "metrics.jsonl")
                .anyMatch(key -> key.matches("logs/20[-0-9TZ]+-.*-[0-9]+/train.log"));
        assertThat(keys()).doesNotContain("run.lock").noneMatch(key -> key.startsWith("probe"));
        loseTheMachine();

        try (RunFolder run = RunFolder.open(config())) {
            assertThat(run.path().resolve("metrics.jsonl")).hasContent("{\"step\": 1}");
            assertThat(run.checkpoints().fence())
                    .as("nobody of before writes any more")
                    .isEqualTo(4);
            Checkpoint start = run.startingPoint(line -> {}).orElseThrow();
            assertThat(start.step()).isEqualTo(1);
            assertThat(run.path().resolve("current_pipeline")).isDirectory();
            try (Ledger ledger = run.ledger()) {
                assertThat(ledger.tail().step()).isEqualTo(1);
            }
        }
    }

    private static LedgerEntry entry(int step, long generation) {
        LaneCursor before = new LaneCursor(0, 0, 0, 0, step - 1);
        LaneCursor after = new LaneCursor(0, 0, 0, 0, step);
        return new LedgerEntry(step, generation, Map.of(0, new LedgerEntry.Range(before, after)), false);
    }

    @Test
    void whoLedBeforeStopsAtItsNextStep() throws IOException {
        RunFolder first = RunFolder.open(config());
        try (Ledger ledger = first.ledger()) {
            first.close(); // as if on another machine: the lock of this one keeps nobody out
            try (RunFolder second = RunFolder.open(config())) {
                assertThatThrownBy(() -> ledger.append(entry(1, 1)))
                        .isInstanceOf(UserException.class)
                        .hasMessageContaining("another process leads this run now");
                assertThatThrownBy(() -> first.checkpoints()
                                .commit(CheckpointFolderTest.state(1), 0, CheckpointFolderTest.writer("w")))
                        .isInstanceOf(FencedException.class);
                assertThat(second.startingPoint(line -> {})).isEmpty();
            }
        }
    }

    @Test
    void whoWasOvertakenBeforeItsFirstStepDoesNotTakeTheLedgerBack() throws IOException {
        try (RunFolder first = RunFolder.open(config());
                Ledger other = RunBucket.of(config).orElseThrow().ledger(folder.resolve("of-another-machine"))) {
            assertThatThrownBy(() -> first.ledger().truncate(0))
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("another process leads this run now");
            other.append(entry(1, 1));
        }
    }

    @Test
    void nodesThatCannotBeKeptEndNothing() throws IOException {
        RunBucket nowhere = RunBucket.of(config("s3://nowhere/runs")).orElseThrow();
        assertThatCode(() -> nowhere.keepNodes("127.0.0.1:1")).doesNotThrowAnyException();
    }

    @Test
    void filesThatGrowWhileTheyAreSentArriveAsTheyWere() throws IOException {
        try (RunFolder run = RunFolder.open(config())) {
            byte[] large = new byte[17 << 20]; // sent in parts, so that it can grow between them
            Path file = Files.write(run.path().resolve("metrics.jsonl"), large);
            AtomicBoolean grown = new AtomicBoolean();
            front.after("POST .*metrics.jsonl.*", () -> {
                try {
                    Files.write(file, new byte[10], StandardOpenOption.APPEND);
                    grown.set(true);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            RunBucket.of(config).orElseThrow().uploadMetrics();
            assertThat(grown).isTrue();
            assertThat(front.bucket("s3://bucket/" + prefix + "/one").list("metrics"))
                    .containsExactly(new Bucket.Entry("metrics.jsonl", large.length));
        }
    }

    @Test
    void linesThatWereNotUploadedStayOnTheirMachine() throws IOException {
        Bucket stored = front.bucket("s3://bucket/" + prefix + "/one");
        try (RunFolder run = RunFolder.open(config())) {
            Files.writeString(run.path().resolve("metrics.jsonl"), "1\n2\n3\n");
            Files.writeString(run.path().resolve("goodput.jsonl"), "1\n2\n");
            stored.write("metrics.jsonl", "1\n2\n");
            stored.write("goodput.jsonl", "1\nof another machine\n");
        }
        try (RunFolder run = RunFolder.open(config())) {
            assertThat(run.path().resolve("metrics.jsonl")).hasContent("1\n2\n3\n");
            assertThat(run.path().resolve("goodput.jsonl")).hasContent("1\nof another machine\n");
        }
    }

    @Test
    void aRunWhoseNodesAnswerIsInUse() throws IOException {
        try (ServerSocket node = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String address = "127.0.0.1:" + node.getLocalPort();
            try (RunFolder run = RunFolder.open(config())) {
                run.keepNodes(List.of(address));
                assertThat(RunFolder.livingNodes(config)).containsExactly(address);
            }
            assertThatThrownBy(() -> RunFolder.open(config()))
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("s3://bucket/" + prefix + "/one: in use by " + address)
                    .hasMessageNotContaining("\n");
        }
        RunFolder.open(config()).close();
        RunFolder.takeOver(config, Duration.ofSeconds(1)).close();
    }

    @Test
    void checkpointsWithoutRequeueAreNeverOverwritten() throws IOException {
        try (RunFolder run = RunFolder.open(config())) {
            run.checkpoints().commit(CheckpointFolderTest.state(1), run.generation(), CheckpointFolderTest.writer("w"));
        }
        List<String> before = keys();
        assertThatThrownBy(() -> RunFolder.open(config("s3://bucket/" + prefix)))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("experiment.requeue=true");
        assertThat(keys()).isEqualTo(before);
    }

    @Test
    void aBucketThatIsNotThereIsOneLineThatNamesTheKey() throws IOException {
        RunConfig nowhere = config("s3://nowhere/runs");
        assertThatThrownBy(() -> RunFolder.open(nowhere))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("s3://nowhere/runs/one: cannot be written (S3 status 404 NoSuchBucket")
                .hasMessageContaining("experiment.log_dir")
                .hasMessageNotContaining("\n");
        DurableFiles.delete(nowhere.experiment().folder().getParent());
        assertThatThrownBy(() -> config("s3:///runs"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("experiment.log_dir: \"s3:///runs\" names no bucket");
    }

    @Test
    void verifyReadsTheBucketAndSeesADamagedObject() throws IOException {
        try (RunFolder run = RunFolder.open(config())) {
            TrainerState start = new TrainerState(0, 0, 1, Map.of(0, LaneCursor.START), 0, "hash", null);
            TrainerState end = new TrainerState(1, 4, 1, Map.of(0, new LaneCursor(0, 0, 0, 0, 1)), 0, "hash", null);
            run.checkpoints().commit(start, run.generation(), CheckpointFolderTest.writer("a"));
            try (Ledger ledger = run.ledger()) {
                ledger.append(LedgerEvent.generation(0, 1, List.of(0), "start"));
                ledger.append(new LedgerEntry(
                        1,
                        1,
                        Map.of(0, new LedgerEntry.Range(LaneCursor.START, new LaneCursor(0, 0, 0, 0, 1))),
                        false));
            }
            run.checkpoints().commit(end, run.generation(), CheckpointFolderTest.writer("b"));
        }
        List<String> before = keys();
        RunVerification whole = verification();
        assertThat(whole.holds()).as("%s", whole).isTrue();
        assertThat(whole.lines())
                .anyMatch(line -> line.matches("step_00000001-g[0-9]+-[-0-9a-f]+: whole \\(3 files, .*"));
        assertThat(whole.lines()).contains("ledger       gapless, nothing twice");

        String damaged = keys().stream()
                .filter(key -> key.matches("checkpoints/step_00000001.*optimizer.*"))
                .findFirst()
                .orElseThrow();
        server.put(prefix + "/one/" + damaged, "B".getBytes());
        server.put(prefix + "/one/checkpoints/step_00000009-x/half", "".getBytes());
        RunVerification found = verification();
        assertThat(found.holds()).isFalse();
        assertThat(found.lines())
                .anyMatch(line ->
                        line.endsWith("optimizer.safetensors is damaged: its SHA-256 is not that of the manifest"))
                .contains("step_00000009-x: not committed; the next start removes it");
        RunFolder.open(config()).close();
        assertThat(keys()).containsExactlyElementsOf(before);
    }

    @Test
    void verifySkipsACheckpointThatIsRemovedMeanwhile() throws IOException {
        try (RunFolder run = RunFolder.open(config("s3://bucket/" + prefix, "experiment.keep_checkpoints=1"))) {
            config = config("s3://bucket/" + prefix);
            run.checkpoints().commit(CheckpointFolderTest.state(1), run.generation(), CheckpointFolderTest.writer("a"));
            front.after("GET .*list-type=2.*", () -> run.checkpoints()
                    .commit(CheckpointFolderTest.state(2), run.generation(), CheckpointFolderTest.writer("b")));
            assertThatThrownBy(this::verification)
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("no checkpoint in it");
            assertThat(verification().lines()).anyMatch(line -> line.startsWith("step_00000002-"));
        }
    }

    @Test
    void aMachineThatCannotHoldCopiesIsToldHowToNameAnotherFolder() throws IOException {
        config();
        Path scratch = config.experiment().folder().getParent();
        Files.createDirectories(scratch.getParent());
        Files.writeString(scratch, "a file");
        assertThatThrownBy(() -> RunFolder.open(config))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(scratch.toString())
                .hasMessageContaining("REKINDLE_SCRATCH")
                .hasMessageNotContaining("\n");
    }

    private RunVerification verification() {
        return RunVerification.of(
                config.experiment().location(), config.dataset().params().s3());
    }
}

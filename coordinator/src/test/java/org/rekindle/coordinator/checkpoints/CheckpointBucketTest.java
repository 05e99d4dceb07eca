package org.rekindle.coordinator.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.stores.Bucket;
import org.rekindle.data.stores.FaultyS3;
import org.rekindle.data.stores.S3Server;

/** Against a real S3 server in this process. */
class CheckpointBucketTest {

    private static S3Server server;
    private static FaultyS3 front;

    @TempDir
    Path disk;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private Bucket run;
    private CheckpointBucket checkpoints;
    private final List<String> passedOver = new ArrayList<>();

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

    @BeforeEach
    void newRun() {
        run = front.bucket("s3://bucket/runs/" + UUID.randomUUID());
        checkpoints = onDisk("first", null);
    }

    @AfterEach
    void heal() {
        front.heal();
        threads.shutdownNow();
    }

    /** Another machine, with an empty disk unless it was there before. */
    private CheckpointBucket onDisk(String machine, Integer keep) {
        return new CheckpointBucket(run, disk.resolve(run.location().replaceAll(".*/", "") + machine), keep);
    }

    private CheckpointBucket reader() {
        return onDisk(UUID.randomUUID().toString(), null);
    }

    private static TrainerState state(long step) {
        return new TrainerState(step, 8 * step, 1, Map.of(0, LaneCursor.START), 0, "hash", null);
    }

    /** Weights that change and a model that does not. */
    private static Consumer<Path> writer(String weights) {
        return folder -> {
            try {
                Files.createDirectories(folder.resolve("pipeline/vae"));
                Files.writeString(folder.resolve("optimizer.safetensors"), weights);
                Files.writeString(folder.resolve("pipeline/vae/model.safetensors"), "frozen");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
    }

    private Optional<Checkpoint> found(Checkpoints by) {
        return by.newestValid(passedOver::add);
    }

    private static String weights(Checkpoint checkpoint) throws IOException {
        return Files.readString(checkpoint.folder().resolve("optimizer.safetensors"));
    }

    private String key(StoredCheckpoint checkpoint, String name) {
        return run.location("checkpoints/" + checkpoint.folder() + "/" + name).substring("s3://bucket/".length());
    }

    @Test
    void anotherMachineFindsACommitWithItsStateAndAllFiles() throws IOException {
        checkpoints.commit(state(0), 0, writer("a"));
        checkpoints.commit(state(10), 0, writer("b"));

        Checkpoint found = found(reader()).orElseThrow();

        assertThat(found.state()).isEqualTo(state(10));
        assertThat(weights(found)).isEqualTo("b");
        assertThat(found.pipeline().resolve("vae/model.safetensors")).hasContent("frozen");
        assertThat(reader().newestIntact()).isEqualTo(state(10));
        assertThat(reader().read(checkpoints.location(0)).state()).isEqualTo(state(0));
        assertThat(run.read("current_pipeline").orElseThrow().text())
                .matches("checkpoints/step_00000010-g[0-9]+-[-0-9a-f]+/pipeline\n");
        assertThat(checkpoints.linkProblem()).isEmpty();
        assertThat(passedOver).isEmpty();
        assertThat(found(checkpoints).orElseThrow().state()).isEqualTo(state(10));
    }

    @Test
    void anEmptyRunHasNone() throws IOException {
        assertThat(found(checkpoints)).isEmpty();
        assertThat(checkpoints.isEmpty()).isTrue();
        assertThatThrownBy(checkpoints::newestIntact)
                .isInstanceOf(UserException.class)
                .hasMessageContaining("no whole checkpoint is there");
        assertThatThrownBy(() -> checkpoints.read(checkpoints.location(3)))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("step_00000003: is not among the checkpoints of the run");
    }

    @Test
    void whatDidNotChangeIsCopiedWithinTheStore() throws IOException {
        checkpoints.commit(state(1), 0, writer("a"));
        StoredCheckpoint first = checkpoints.newestFirst().get(0);
        // only a copy of the object can have this content
        server.put(key(first, "pipeline/vae/model.safetensors"), "FROZEN".getBytes());

        checkpoints.commit(state(2), 0, writer("b"));

        StoredCheckpoint second = checkpoints.newestFirst().get(0);
        assertThat(run.read("checkpoints/" + second.folder() + "/pipeline/vae/model.safetensors")
                        .orElseThrow()
                        .text())
                .isEqualTo("FROZEN");
        assertThat(run.read("checkpoints/" + second.folder() + "/optimizer.safetensors")
                        .orElseThrow()
                        .text())
                .isEqualTo("b");
    }

    @Test
    void damagedObjectsArePassedOverWithTheReason() throws IOException {
        for (int step = 1; step <= 5; step++) {
            checkpoints.commit(state(step), 0, writer("weights" + step));
        }
        List<StoredCheckpoint> stored = checkpoints.newestFirst();
        server.remove(key(stored.get(0), "MANIFEST.json"));
        server.put(key(stored.get(1), "optimizer.safetensors"), "weights4x".getBytes());
        server.put(key(stored.get(2), "optimizer.safetensors"), "Weights3".getBytes());
        server.remove(key(stored.get(3), "pipeline/vae/model.safetensors"));

        assertThat(found(reader())).map(Checkpoint::step).contains(1L);

        assertThat(passedOver).hasSize(4);
        assertThat(passedOver.get(0)).contains("/step_00000005-").endsWith(": MANIFEST.json is missing");
        assertThat(passedOver.get(1)).endsWith(": optimizer.safetensors has 9 bytes instead of 8");
        assertThat(passedOver.get(2)).contains(": optimizer.safetensors is damaged: its SHA-256");
        assertThat(passedOver.get(3)).endsWith(": pipeline/vae/model.safetensors is missing");
        assertThat(reader().newestIntact().step()).as("sizes alone").isEqualTo(3);
    }

    @Test
    void nothingIsCopiedFromACheckpointThatWasPassedOver() throws IOException {
        checkpoints.commit(state(1), 0, writer("one"));
        checkpoints.commit(state(2), 0, writer("two"));
        server.put(key(checkpoints.newestFirst().get(0), "pipeline/vae/model.safetensors"), "FROZEN".getBytes());
        CheckpointBucket next = reader();
        assertThat(found(next)).map(Checkpoint::step).contains(1L);

        next.commit(state(3), 0, writer("three"));

        assertThat(found(reader())).map(Checkpoint::step).contains(3L);
    }

    @Test
    void aDamagedCheckpointOfTheSameStateIsWrittenAnew() throws IOException {
        for (String damaged : List.of("optimizer.safetensors", "trainer.json")) {
            newRun();
            checkpoints.commit(state(1), 0, writer("one"));
            checkpoints.commit(state(2), 0, writer("two"));
            StoredCheckpoint second = checkpoints.newestFirst().get(0);
            byte[] bytes = run.read("checkpoints/" + second.folder() + "/" + damaged)
                    .orElseThrow()
                    .bytes();
            bytes[0] = 'x';
            server.put(key(second, damaged), bytes);
            CheckpointBucket next = reader();
            assertThat(found(next)).map(Checkpoint::step).contains(1L);
            if (damaged.equals("trainer.json")) {
                assertThat(next.newestIntact()).isEqualTo(state(1));
            }

            next.commit(state(2), 0, writer("two"));

            assertThat(weights(found(reader()).orElseThrow())).isEqualTo("two");
        }
    }

    /** The processes of one machine have the same folder. */
    @Test
    void severalProcessesOfAMachineReadAndCommitAtATime() throws Exception {
        onDisk("writer", null).commit(state(1), 0, writer("one"));
        CountDownLatch writing = new CountDownLatch(1);
        List<CompletableFuture<Checkpoint>> all = new ArrayList<>();
        all.add(CompletableFuture.supplyAsync(
                () -> onDisk("shared", null).commit(state(2), 0, folder -> {
                    writing.countDown();
                    writer("two").accept(folder);
                }),
                threads));
        writing.await();
        for (int reader = 0; reader < 8; reader++) {
            all.add(CompletableFuture.supplyAsync(
                    () -> {
                        CheckpointBucket shared = onDisk("shared", null);
                        return shared.read(shared.location(1));
                    },
                    threads));
        }
        for (CompletableFuture<Checkpoint> each : all) {
            assertThat(weights(each.get())).isEqualTo(each == all.get(0) ? "two" : "one");
        }
    }

    @Test
    void aNodeThatOnlyReadsKeepsFewCopies() throws IOException {
        CheckpointBucket reader = reader();
        for (int step = 1; step <= 4; step++) {
            checkpoints.commit(state(step), 0, writer("w" + step));
            reader.read(reader.location(step));
        }
        try (var local = Files.list(found(reader).orElseThrow().folder().getParent())) {
            assertThat(local.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrder("step_00000004", "step_00000003");
        }
    }

    @Test
    void whoJoinsTakesTheNewestWhereTheOneItFetchesIsRemoved() throws IOException {
        checkpoints = onDisk("first", 1);
        checkpoints.commit(state(1), 0, writer("one"));
        front.after("GET .*MANIFEST.json", () -> checkpoints.commit(state(2), 0, writer("two")));

        CheckpointBucket joiner = reader();

        assertThat(weights(joiner.readOrNewest(joiner.location(1)))).isEqualTo("two");
        assertThat(joiner.readOrNewest(joiner.location(1)).step()).isEqualTo(2);
        assertThatThrownBy(() -> joiner.read(joiner.location(1))).hasMessageContaining("is not among the checkpoints");
    }

    @Test
    void whatCannotBeCopiedIsSent() throws IOException {
        checkpoints.commit(state(1), 0, writer("one"));
        server.remove(key(checkpoints.newestFirst().get(0), "pipeline/vae/model.safetensors"));

        checkpoints.commit(state(2), 0, writer("two"));

        assertThat(weights(found(reader()).orElseThrow())).isEqualTo("two");
    }

    @Test
    void aLocalCopyThatIsDamagedIsFetchedAgain() throws IOException {
        Checkpoint committed = checkpoints.commit(state(1), 0, writer("weights"));
        Files.writeString(committed.folder().resolve("optimizer.safetensors"), "Weights");

        assertThat(weights(found(checkpoints).orElseThrow())).isEqualTo("weights");
        assertThat(passedOver).isEmpty();
    }

    @Test
    void aLocalCheckpointThatWasNeverCommittedCountsForNothing() throws IOException {
        checkpoints.commit(state(1), 0, writer("a"));
        front.dieAt(5, FaultyS3.Fault.REQUEST_LOST);
        assertThatThrownBy(() -> checkpoints.commit(state(2), 0, writer("never")))
                .isInstanceOf(UserException.class);
        front.heal();

        assertThat(found(checkpoints)).map(Checkpoint::step).contains(1L);
        checkpoints.commit(state(2), 0, writer("b"));
        assertThat(weights(found(reader()).orElseThrow())).isEqualTo("b");
    }

    @Test
    void retentionKeepsTheNewestWholeOnesAndLeavesNoObjects() throws IOException {
        checkpoints = onDisk("first", 2);
        for (int step = 1; step <= 3; step++) {
            checkpoints.commit(state(step), 0, writer("w" + step));
        }
        assertThat(checkpoints.newestFirst()).extracting(StoredCheckpoint::step).containsExactly(3L, 2L);
        server.remove(key(checkpoints.newestFirst().get(0), "optimizer.safetensors"));

        checkpoints.commit(state(4), 0, writer("w4"));

        assertThat(checkpoints.newestFirst())
                .as("3 is damaged and does not count")
                .extracting(StoredCheckpoint::step)
                .containsExactly(4L, 2L);
        assertThat(checkpoints.leftovers()).isEmpty();
        assertThat(run.list("checkpoints/")).hasSize(1 + 2 * 4);
        try (var local = Files.list(found(checkpoints).orElseThrow().folder().getParent())) {
            assertThat(local).as("local copies").hasSize(2);
        }
    }

    @Test
    void theSameStateIsNotWrittenTwiceAndAnotherOfTheSameStepReplacesIt() throws IOException {
        checkpoints.commit(state(1), 0, writer("a"));
        Checkpoint again = checkpoints.commit(state(1), 0, folder -> {
            throw new AssertionError("written again");
        });
        assertThat(weights(again)).isEqualTo("a");
        TrainerState other = new TrainerState(1, 16, 2, Map.of(0, LaneCursor.START), 0, "hash", null);

        checkpoints.commit(other, 0, writer("b"));

        Checkpoint found = found(reader()).orElseThrow();
        assertThat(found.state()).isEqualTo(other);
        assertThat(weights(found)).isEqualTo("b");
        assertThat(run.list("checkpoints/")).hasSize(1 + 4);
    }

    /** At every request of a commit, with and without its effect. */
    @Test
    void aKilledCommitLeavesTheLastCheckpointAndARetryCommits() throws IOException {
        for (FaultyS3.Fault how : FaultyS3.Fault.values()) {
            boolean completed = false;
            for (int request = 1; !completed; request++) {
                newRun();
                checkpoints = onDisk("first", 1);
                checkpoints.commit(state(1), 0, writer("one"));
                front.dieAt(request, how);
                try {
                    checkpoints.commit(state(2), 0, writer("two"));
                    completed = front.requests() < request;
                } catch (UserException e) {
                    assertThat(e).hasMessageContaining("cannot be written").hasMessageNotContaining("\n");
                }
                front.heal();
                passedOver.clear();

                Checkpoint left = found(reader()).orElseThrow();
                assertThat(weights(left)).isEqualTo(left.step() == 1 ? "one" : "two");
                assertThat(passedOver).as("nothing half-written is looked at").isEmpty();

                CheckpointBucket next = onDisk("next", 1);
                next.claim(1);
                assertThat(next.leftovers()).isEmpty();
                assertThat(weights(next.commit(state(2), 2, writer("two")))).isEqualTo("two");
                assertThat(weights(found(reader()).orElseThrow())).isEqualTo("two");
                assertThat(next.newestFirst())
                        .extracting(StoredCheckpoint::step)
                        .first()
                        .isEqualTo(2L);
                assertThat(request).as("requests of a commit").isLessThan(60);
            }
        }
    }

    @Test
    void aRequestThatFailsOnceIsRepeated() throws IOException {
        for (FaultyS3.Fault how : FaultyS3.Fault.values()) {
            boolean passed = false;
            for (int request = 1; !passed; request++) {
                newRun();
                checkpoints.commit(state(1), 0, writer("one"));
                front.failOnce(request, how);
                checkpoints.commit(state(2), 0, writer("two"));
                passed = front.requests() < request;
                front.heal();
                assertThat(weights(found(reader()).orElseThrow())).isEqualTo("two");
                assertThat(checkpoints.leftovers()).isEmpty();
            }
        }
    }

    @Test
    void aCommitWhoseAnswerIsLostWhileAnotherChangesTheIndexStays() throws IOException {
        checkpoints.commit(state(1), 0, writer("old"));
        TrainerState other = new TrainerState(1, 16, 2, Map.of(0, LaneCursor.START), 0, "hash", null);
        front.loseAnswer("PUT .*/index.json", () -> onDisk("other", null).fence(2));

        checkpoints.commit(other, 2, writer("new"));

        assertThat(weights(found(reader()).orElseThrow())).isEqualTo("new");
        assertThat(passedOver).isEmpty();
        assertThat(checkpoints.leftovers()).as("what it replaced").isEmpty();
    }

    @Test
    void whoWasLeftBehindCommitsNothing() throws IOException {
        checkpoints.commit(state(1), 1, writer("a"));
        CheckpointBucket other = onDisk("other", null);
        other.fence(2);

        assertThatThrownBy(() -> checkpoints.commit(state(2), 1, folder -> {
                    throw new AssertionError("written in vain");
                }))
                .isInstanceOf(FencedException.class)
                .hasMessageContaining("generation 1 writes no checkpoint any more, the run went on in generation 2");
        assertThat(checkpoints.fence()).isEqualTo(2);
        other.beginLineage(3);
        assertThat(checkpoints.lineage()).isEqualTo(3);
        assertThat(checkpoints.fence()).isEqualTo(3);
    }

    @Test
    void whoBeginsToLeadRemovesWhatIsOfOlderWritersAlone() throws IOException {
        checkpoints.commit(state(1), 1, writer("one"));
        run.write("checkpoints/step_00000002-g1-x/half", "of a writer that was killed");
        CheckpointBucket late = onDisk("late", null);
        // a commit that is done when the other one has looked first, and before the fence is up
        front.after(".*", () -> late.commit(state(2), 1, writer("two")));
        run.write("checkpoints/step_00000009-g9-x/half", "of a writer that is newer");

        assertThat(checkpoints.claim(1)).isEqualTo(2);

        assertThat(weights(found(reader()).orElseThrow())).isEqualTo("two");
        assertThat(passedOver).isEmpty();
        assertThat(checkpoints.leftovers()).containsExactly("step_00000009-g9-x");
        assertThatThrownBy(() -> late.commit(state(3), 1, writer("three"))).isInstanceOf(FencedException.class);
    }

    @Test
    void whoIsLeftBehindBeforeItsRetentionRemovesNothing() throws IOException {
        CheckpointBucket other = onDisk("other", null);
        checkpoints = onDisk("first", 2);
        checkpoints.commit(state(1), 1, writer("one"));
        front.after("PUT .*/current_pipeline", () -> {
            other.fence(2);
            other.commit(state(3), 2, writer("three"));
            other.commit(state(4), 2, writer("four"));
        });

        assertThatThrownBy(() -> checkpoints.commit(state(2), 1, writer("two"))).isInstanceOf(FencedException.class);

        assertThat(other.newestFirst()).extracting(StoredCheckpoint::step).containsExactly(4L, 3L, 2L, 1L);
    }

    @Test
    void retentionRemovesLaterStepsOfOlderGenerationsAlone() throws IOException {
        CheckpointBucket other = onDisk("other", null);
        checkpoints = onDisk("first", 2);
        checkpoints.commit(state(1), 1, writer("one"));
        checkpoints.commit(state(3), 1, writer("of a past that was left"));
        other.beginLineage(2);
        front.after("PUT .*/current_pipeline", () -> other.commit(state(4), 2, writer("four")));

        checkpoints.commit(state(2), 2, writer("two"));

        assertThat(other.newestFirst()).extracting(StoredCheckpoint::step).containsExactly(4L, 2L, 1L);
    }

    @Test
    void whoIsLeftBehindWhileItUploadsLeavesNothingAndChangesNothing() throws IOException {
        CheckpointBucket other = onDisk("other", null);
        checkpoints.commit(state(1), 1, writer("a"));

        // the other one goes on, and commits the same step, while this one still writes
        assertThatThrownBy(() -> checkpoints.commit(state(2), 1, folder -> {
                    other.fence(2);
                    other.commit(state(2), 2, writer("new"));
                    writer("old").accept(folder);
                }))
                .isInstanceOf(FencedException.class);

        assertThat(weights(found(reader()).orElseThrow())).isEqualTo("new");
        assertThat(passedOver).isEmpty();
        assertThat(checkpoints.leftovers()).isEmpty();
    }

    @Test
    void twoWhoCommitAtATimeAreBothInTheIndex() throws Exception {
        CheckpointBucket other = onDisk("other", null);
        checkpoints.commit(state(1), 1, writer("a"));
        Thread thread = new Thread(() -> {
            for (int step = 2; step <= 10; step += 2) {
                other.commit(state(step), 1, writer("even"));
            }
        });
        thread.start();
        for (int step = 3; step <= 11; step += 2) {
            checkpoints.commit(state(step), 1, writer("odd"));
        }
        thread.join();
        assertThat(checkpoints.newestFirst()).hasSize(11);
        assertThat(weights(found(reader()).orElseThrow())).isEqualTo("odd");
    }
}

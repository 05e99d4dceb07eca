package org.rekindle.coordinator.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;

class CheckpointFolderTest {

    @TempDir
    Path run;

    private Path folder;
    private CheckpointFolder checkpoints;
    private final List<String> passedOver = new ArrayList<>();

    @BeforeEach
    void open() {
        folder = run.resolve("checkpoints");
        checkpoints = CheckpointFolder.open(run, null);
    }

    @Test
    void aCommitIsFoundAgainWithItsStateAndLinkedTo() throws IOException {
        TrainerState state = new TrainerState(
                2000,
                64000,
                2,
                Map.of(0, new LaneCursor(1, 2, 3, 4, 5), 1, LaneCursor.START),
                7,
                "abc",
                new ObjectMapper().createObjectNode().put("ema_updates", 2000));

        Checkpoint committed = checkpoints.commit(state, 0, writer("weights"));

        assertThat(committed.folder()).isEqualTo(folder.resolve("step_00002000"));
        assertThat(found()).contains(committed);
        assertThat(found().orElseThrow().state()).isEqualTo(state);
        assertThat(Files.readSymbolicLink(run.resolve("current_pipeline")))
                .isEqualTo(Path.of("checkpoints/step_00002000/pipeline"));
        assertThat(run.resolve("current_pipeline/model_index.json")).exists();
        assertThat(names(folder)).containsExactly("step_00002000");
        assertThat(names(committed.folder()))
                .containsExactly("MANIFEST.json", "optimizer.safetensors", "pipeline", "trainer.json");
        assertThat(passedOver).isEmpty();
    }

    @Test
    void theManifestNamesEveryFileWithSizeAndHash() throws IOException {
        Checkpoint committed = checkpoints.commit(state(1), 0, writer("abc"));

        assertThat(Manifest.read(committed.folder()).files())
                .containsOnlyKeys("optimizer.safetensors", "pipeline/model_index.json", "trainer.json")
                .containsEntry(
                        "optimizer.safetensors",
                        new Manifest.Entry(3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    }

    @Test
    void damagedCheckpointsArePassedOverWithTheReason() throws IOException {
        for (int step = 1; step <= 6; step++) {
            checkpoints.commit(state(step), 0, writer("weights" + step));
        }
        Files.delete(file(6, "MANIFEST.json"));
        Files.writeString(file(5, "optimizer.safetensors"), "x", StandardOpenOption.APPEND);
        Files.writeString(file(4, "optimizer.safetensors"), "Weights4");
        Files.delete(file(3, "pipeline/model_index.json"));
        Files.writeString(file(2, "MANIFEST.json"), "{\"files\"");

        assertThat(found()).map(Checkpoint::step).contains(1L);
        assertThat(passedOver).hasSize(5);
        assertThat(passedOver.get(0)).contains("step_00000006: MANIFEST.json is missing");
        assertThat(passedOver.get(1)).contains("step_00000005: optimizer.safetensors has 9 bytes instead of 8");
        assertThat(passedOver.get(2)).contains("step_00000004: optimizer.safetensors is damaged: its SHA-256");
        assertThat(passedOver.get(3)).contains("step_00000003: pipeline/model_index.json is missing");
        assertThat(passedOver.get(4)).contains("step_00000002: MANIFEST.json is damaged");
    }

    @Test
    void aManifestOfAnotherKindOfJsonIsNoManifest() throws IOException {
        checkpoints.commit(state(1), 0, writer("w"));
        for (String json : List.of("{}", "[]", "null", "7", "{\"files\": {\"trainer.json\": null}}")) {
            Files.writeString(file(1, "MANIFEST.json"), json);
            assertThat(found()).as(json).isEmpty();
        }
    }

    @Test
    void anEmptyRunHasNone() {
        assertThat(found()).isEmpty();
        assertThat(run).as("looking creates nothing").isEmptyDirectory();
    }

    @Test
    void aFailingWriterLeavesNothingAndThePreviousCheckpointIntact() throws IOException {
        Checkpoint previous = checkpoints.commit(state(1), 0, writer("weights"));

        assertThatThrownBy(() -> checkpoints.commit(state(2), 0, partial -> {
                    writer("half").accept(partial);
                    throw new UncheckedIOException(new IOException("No space left on device"));
                }))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("step_00000002: the checkpoint cannot be written (No space left on device)")
                .hasMessageNotContaining("\n");
        assertThatThrownBy(() -> checkpoints.commit(state(2), 0, partial -> {
                    throw new IllegalStateException("a defect");
                }))
                .isInstanceOf(IllegalStateException.class);

        assertThat(names(folder)).containsExactly("step_00000001");
        assertThat(names(run)).containsExactly("checkpoints", "current_pipeline", "fence.lock");
        assertThat(found()).contains(previous);
        assertThat(run.resolve("current_pipeline/model_index.json")).exists();
        checkpoints.commit(state(2), 0, writer("weights"));
        assertThat(found()).map(Checkpoint::step).contains(2L);
    }

    @Test
    void aFileInTheFoldersPlaceIsOneLine() throws IOException {
        Files.writeString(folder, "");

        assertThatThrownBy(() -> checkpoints.commit(state(1), 0, writer("w")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("cannot be written");
    }

    @Test
    void aFolderInTheLinksPlaceIsRefusedBeforeTheCommit() throws IOException {
        Files.createDirectory(run.resolve("current_pipeline"));

        assertThatThrownBy(() -> checkpoints.commit(state(1), 0, writer("w")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("move it away");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void whatAKilledWriterLeftIsNeverReadAndRemovedOnRequest() throws IOException {
        Checkpoint whole = checkpoints.commit(state(1), 0, writer("w"));
        copyOf(whole.folder(), folder.resolve("step_00000002.partial"));
        Files.createSymbolicLink(folder.resolve("current_pipeline.g1.partial"), Path.of("nowhere"));

        assertThat(found()).contains(whole);
        assertThat(passedOver).isEmpty();
        checkpoints.removeLeftovers();
        assertThat(names(folder)).containsExactly("step_00000001");
        assertThat(names(run)).containsExactly("checkpoints", "current_pipeline", "fence.lock");
    }

    @Test
    void retentionKeepsTheNewestWholeOnes() throws IOException {
        checkpoints = CheckpointFolder.open(run, 2);
        for (int step = 1; step <= 4; step++) {
            checkpoints.commit(state(step), 0, writer("w"));
        }
        assertThat(names(folder)).containsExactly("step_00000003", "step_00000004");

        Files.delete(file(4, "MANIFEST.json"));
        checkpoints.commit(state(5), 0, writer("w"));
        assertThat(names(folder)).as("a damaged one does not count").containsExactly("step_00000003", "step_00000005");
    }

    @Test
    void retentionNeverTakesADamagedLaterCheckpointForTheNewest() throws IOException {
        checkpoints.commit(state(10), 0, writer("w"));
        Files.delete(file(10, "MANIFEST.json"));
        checkpoints = CheckpointFolder.open(run, 1);

        checkpoints.commit(state(5), 0, writer("w"));

        assertThat(names(folder)).containsExactly("step_00000005");
        assertThat(found()).map(Checkpoint::step).contains(5L);
    }

    @Test
    void aWriterThatWasLeftBehindTakesNothingFromTheOneThatFollows() throws IOException {
        checkpoints = CheckpointFolder.open(run, 1);
        CheckpointFolder follower = CheckpointFolder.open(run, 1);
        checkpoints.commit(state(1), 1, writer("w"));

        assertThatThrownBy(() -> checkpoints.commit(state(2), 1, partial -> {
                    writer("frozen").accept(partial);
                    follower.fence(2);
                    follower.commit(state(2), 2, writer("next"));
                    follower.commit(state(3), 2, writer("newest"));
                }))
                .isInstanceOf(FencedException.class);

        assertThat(names(folder)).containsExactly("step_00000003");
        assertThat(run.resolve("current_pipeline").toRealPath())
                .isEqualTo(folder.resolve("step_00000003/pipeline").toRealPath());
    }

    @Test
    void aWriterWhoseFilesAreTakenByTheOneThatFollowsIsToldThatItWasLeftBehind() {
        CheckpointFolder follower = CheckpointFolder.open(run, null);

        assertThatThrownBy(() -> checkpoints.commit(state(2), 1, partial -> {
                    follower.fence(2);
                    follower.commit(state(3), 2, writer("newest"));
                    assertThat(partial).doesNotExist();
                    writer("thawed").accept(partial);
                }))
                .isInstanceOf(FencedException.class);
    }

    @Test
    void whatAnotherWriterIsAtStays() throws IOException {
        Files.createDirectories(folder.resolve("step_00000001.g4.partial"));
        Files.createDirectories(folder.resolve("step_00000002.g6.partial"));

        checkpoints.commit(state(3), 5, writer("w"));

        assertThat(names(folder)).containsExactly("step_00000002.g6.partial", "step_00000003");
    }

    @Test
    void whoJoinsReadsTheNewestWhereTheOneNamedWasRemoved() throws IOException {
        checkpoints = CheckpointFolder.open(run, 1);
        String first = checkpoints.commit(state(1), 0, writer("w")).folder().toString();
        assertThat(checkpoints.readOrNewest(first).step()).isEqualTo(1);

        checkpoints.commit(state(2), 0, writer("w"));
        assertThat(checkpoints.readOrNewest(first).step()).isEqualTo(2);

        Files.delete(file(2, "trainer.json"));
        assertThatThrownBy(() -> checkpoints.readOrNewest(checkpoints.location(2)))
                .hasMessageContaining("step_00000002 cannot be read");
        checkpoints.discard(2);
        assertThatThrownBy(() -> checkpoints.readOrNewest(first)).hasMessageContaining("step_00000001 cannot be read");
    }

    @Test
    void aFailedCommitRemovesNoCheckpoint() throws IOException {
        checkpoints = CheckpointFolder.open(run, 1);
        checkpoints.commit(state(1), 0, writer("w"));

        assertThatThrownBy(() -> checkpoints.commit(state(2), 0, partial -> {
                    throw new UncheckedIOException(new IOException("No space left on device"));
                }))
                .isInstanceOf(UserException.class);

        assertThat(names(folder)).containsExactly("step_00000001");
    }

    @Test
    void aDamagedCheckpointOfTheSameStepIsReplacedAndAWholeOneIsNotWrittenAgain() throws IOException {
        checkpoints.commit(state(1), 0, writer("first"));
        Files.writeString(file(1, "optimizer.safetensors"), "xxxxx");
        checkpoints.commit(state(1), 0, writer("second"));
        assertThat(file(1, "optimizer.safetensors")).hasContent("second");

        AtomicInteger calls = new AtomicInteger();
        checkpoints.commit(state(1), 0, partial -> calls.incrementAndGet());

        assertThat(calls).hasValue(0);
        assertThat(names(folder)).containsExactly("step_00000001");
        assertThat(found()).map(Checkpoint::step).contains(1L);
    }

    @Test
    void frozenFilesMayBeHardLinksAndOutliveTheirOrigin() throws IOException {
        checkpoints = CheckpointFolder.open(run, 1);
        Checkpoint first = checkpoints.commit(state(1), 0, writer("frozen"));
        Path frozen = first.folder().resolve("optimizer.safetensors");
        Checkpoint second = checkpoints.commit(state(2), 0, partial -> {
            try {
                Files.createDirectory(partial.resolve("pipeline"));
                Files.createLink(partial.resolve("optimizer.safetensors"), frozen);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });

        assertThat(first.folder()).doesNotExist();
        assertThat(second.folder().resolve("optimizer.safetensors")).hasContent("frozen");
        assertThat(found()).contains(second);
    }

    @Test
    void aRealFullDiskLeavesThePreviousCheckpointIntact() throws IOException, InterruptedException {
        Path disk = Files.createDirectory(run.resolve("disk"));
        assumeTrue(
                done("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk.toString()), "needs the right to mount");
        try {
            CheckpointFolder small = CheckpointFolder.open(disk, null);
            Checkpoint first = small.commit(state(1), 0, writer("w".repeat(100_000)));

            assertThatThrownBy(() -> small.commit(state(2), 0, writer("w".repeat(200_000))))
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("No space left on device");

            assertThat(small.newestValid(passedOver::add)).contains(first);
            assertThat(names(disk.resolve("checkpoints"))).containsExactly("step_00000001");
        } finally {
            done("umount", disk.toString());
        }
    }

    private static boolean done(String... command) throws IOException, InterruptedException {
        try {
            return new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        }
    }

    private Optional<Checkpoint> found() {
        return checkpoints.newestValid(passedOver::add);
    }

    private Path file(int step, String name) {
        return folder.resolve(String.format("step_%08d", step)).resolve(name);
    }

    static TrainerState state(long step) {
        return new TrainerState(step, step * 32, 1, Map.of(0, LaneCursor.START), 0, "hash", null);
    }

    static Consumer<Path> writer(String weights) {
        return folder -> {
            try {
                Files.createDirectory(folder.resolve("pipeline"));
                Files.writeString(folder.resolve("pipeline/model_index.json"), "{}");
                Files.writeString(folder.resolve("optimizer.safetensors"), weights);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
    }

    static List<String> names(Path folder) throws IOException {
        try (var entries = Files.list(folder)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }

    private static void copyOf(Path folder, Path copy) throws IOException {
        try (var tree = Files.walk(folder)) {
            for (Path path : tree.toList()) {
                Files.copy(path, copy.resolve(folder.relativize(path).toString()));
            }
        }
    }
}

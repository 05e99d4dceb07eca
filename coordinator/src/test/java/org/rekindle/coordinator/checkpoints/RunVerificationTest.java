package org.rekindle.coordinator.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.ledger.LedgerEvent;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;

class RunVerificationTest {

    @TempDir
    Path run;

    private CheckpointFolder checkpoints;

    @BeforeEach
    void trainTwoSteps() {
        checkpoints = CheckpointFolder.open(run, null);
        try (Ledger ledger = Ledger.open(run.resolve("ledger.jsonl"))) {
            ledger.append(LedgerEvent.generation(0, 1, List.of(0), "enough workers are there"));
            for (int step = 1; step <= 2; step++) {
                ledger.append(
                        new LedgerEntry(step, 1, Map.of(0, new LedgerEntry.Range(at(step - 1), at(step))), step == 2));
                commit(state(step, 32 * step, at(step)));
            }
        }
    }

    private static LaneCursor at(int step) {
        return new LaneCursor(0, 0, 0, 0, 32 * step);
    }

    private static TrainerState state(long step, long examples, LaneCursor cursor) {
        return new TrainerState(step, examples, 1, Map.of(0, cursor), 0, "hash", null);
    }

    private void commit(TrainerState state) {
        checkpoints.commit(state, 0, CheckpointFolderTest.writer("weights"));
    }

    @Test
    void aWholeRunHolds() {
        RunVerification verification = RunVerification.of(run.toString());

        assertThat(verification.lines().get(0)).startsWith("step_00000002: whole (3 files, ");
        assertThat(verification.lines().get(1)).startsWith("step_00000001: whole (3 files, ");
        assertThat(verification.lines().subList(2, verification.lines().size()))
                .containsExactly(
                        "current_pipeline: leads to a committed checkpoint",
                        "steps        2",
                        "examples     64, of 1 lanes with 32 a step",
                        "generations  1",
                        "takeovers    0",
                        "rollbacks    none",
                        "skipped      1: step 2",
                        "checkpoints  2 whole, 0 damaged",
                        "ledger       gapless, nothing twice");
        assertThat(verification.holds()).isTrue();
    }

    @Test
    void oneFlippedBitIsFound() throws IOException {
        Path file = run.resolve("checkpoints/step_00000001/optimizer.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        bytes[3] ^= 1;
        Files.write(file, bytes);

        RunVerification verification = RunVerification.of(run.toString());

        assertThat(verification.holds()).isFalse();
        assertThat(verification.lines().get(0)).contains("whole");
        assertThat(verification.lines().get(1)).startsWith("step_00000001: optimizer.safetensors is damaged");
        assertThat(verification.lines()).contains("checkpoints  1 whole, 1 damaged");
    }

    @Test
    void aCheckpointWhoseCursorsAreNotTheLedgersIsFound() {
        commit(state(2, 64, at(1)));

        RunVerification verification = RunVerification.of(run.toString());

        assertThat(verification.holds()).isFalse();
        assertThat(verification.lines())
                .contains("step_00000002: does not match ledger.jsonl: its lane 0 goes on at"
                        + " (epoch 0, shard range 0, example 0, block 0, offset 32), after step 2 of the ledger at"
                        + " (epoch 0, shard range 0, example 0, block 0, offset 64)");
    }

    @Test
    void aCheckpointThatCountsOtherExamplesIsFound() {
        commit(state(1, 33, at(1)));

        RunVerification verification = RunVerification.of(run.toString());

        assertThat(verification.holds()).isFalse();
        assertThat(verification.lines())
                .contains("step_00000001: trainer.json counts 33 examples seen, its steps have 32");
    }

    @Test
    void aCheckpointBeyondTheLedgerIsFound() throws IOException {
        Files.delete(run.resolve("ledger.jsonl"));

        RunVerification verification = RunVerification.of(run.toString());

        assertThat(verification.holds()).isFalse();
        assertThat(verification.lines())
                .contains("step_00000001: does not match ledger.jsonl: the ledger ends at step 0");
    }

    @Test
    void aDamagedLedgerIsFound() throws IOException {
        List<String> text = Files.readAllLines(run.resolve("ledger.jsonl"));
        Files.write(run.resolve("ledger.jsonl"), List.of(text.get(0), text.get(2)));

        RunVerification verification = RunVerification.of(run.toString());

        assertThat(verification.holds()).isFalse();
        assertThat(verification.lines())
                .contains("ledger       does not hold: 1 faults")
                .endsWith("ledger.jsonl line 2: step 2 follows step 0; the lines between are missing")
                .contains("step_00000001: does not match ledger.jsonl: the ledger has no line of step 1");
    }

    @Test
    void aLinkThatLeadsNowhereIsFound() throws IOException {
        Path link = run.resolve("current_pipeline");
        Files.delete(link);
        assertThat(RunVerification.of(run.toString()).holds()).isFalse();

        Files.createSymbolicLink(link, Path.of("checkpoints/step_00000009/pipeline"));
        assertThat(RunVerification.of(run.toString()).lines()).contains("current_pipeline: leads nowhere");
    }

    @Test
    void leftoversAreToldAndNoFault() throws IOException {
        Files.createDirectory(run.resolve("checkpoints/step_00000003.partial"));

        RunVerification verification = RunVerification.of(run.toString());

        assertThat(verification.holds()).isTrue();
        assertThat(verification.lines()).anyMatch(line -> line.startsWith("step_00000003.partial: not committed"));
        assertThat(run.resolve("checkpoints/step_00000003.partial"))
                .as("verify changes nothing")
                .exists();
    }

    @Test
    void aFolderThatIsNoRunIsOneLine() {
        assertThatThrownBy(() -> RunVerification.of(run.resolve("none").toString()))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("no checkpoint in it");
    }
}

package org.rekindle.coordinator.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;

class RunVerificationTest {

    @TempDir
    Path run;

    @BeforeEach
    void commitTwo() {
        CheckpointFolder checkpoints = CheckpointFolder.open(run, null);
        checkpoints.commit(CheckpointFolderTest.state(1), CheckpointFolderTest.writer("weights"));
        checkpoints.commit(CheckpointFolderTest.state(2), CheckpointFolderTest.writer("weights"));
    }

    @Test
    void aWholeRunHolds() {
        RunVerification verification = RunVerification.of(run);

        assertThat(verification.holds()).isTrue();
        assertThat(verification.lines()).hasSize(3);
        assertThat(verification.lines().get(0)).startsWith("step_00000002: whole (3 files, ");
        assertThat(verification.lines().get(2)).isEqualTo("current_pipeline: leads to a committed checkpoint");
    }

    @Test
    void oneFlippedBitIsFound() throws IOException {
        Path file = run.resolve("checkpoints/step_00000001/optimizer.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        bytes[3] ^= 1;
        Files.write(file, bytes);

        RunVerification verification = RunVerification.of(run);

        assertThat(verification.holds()).isFalse();
        assertThat(verification.lines().get(0)).contains("whole");
        assertThat(verification.lines().get(1)).startsWith("step_00000001: optimizer.safetensors is damaged");
    }

    @Test
    void aLinkThatLeadsNowhereIsFound() throws IOException {
        Path link = run.resolve("current_pipeline");
        Files.delete(link);
        assertThat(RunVerification.of(run).holds()).isFalse();

        Files.createSymbolicLink(link, Path.of("checkpoints/step_00000009/pipeline"));
        assertThat(RunVerification.of(run).lines()).contains("current_pipeline: leads nowhere");
    }

    @Test
    void leftoversAreToldAndNoFault() throws IOException {
        Files.createDirectory(run.resolve("checkpoints/step_00000003.partial"));

        RunVerification verification = RunVerification.of(run);

        assertThat(verification.holds()).isTrue();
        assertThat(verification.lines()).anyMatch(line -> line.startsWith("step_00000003.partial: not committed"));
        assertThat(run.resolve("checkpoints/step_00000003.partial"))
                .as("verify changes nothing")
                .exists();
    }

    @Test
    void aFolderThatIsNoRunIsOneLine() {
        assertThatThrownBy(() -> RunVerification.of(run.resolve("none")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("no checkpoint in it");
    }
}

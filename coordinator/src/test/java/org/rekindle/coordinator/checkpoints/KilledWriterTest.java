package org.rekindle.coordinator.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.io.TempDir;

class KilledWriterTest {

    @TempDir
    Path folder;

    /** A process that commits as fast as it can is killed after a different number of commits, and so at a different place of one. */
    @RepeatedTest(4)
    void aKillAtAnyMomentLosesNoCheckpointThatWasCommitted(RepetitionInfo repetition) throws Exception {
        Path run = Files.createDirectory(folder.resolve("run"));
        Path log = Files.createFile(folder.resolve("steps.txt"));
        Process writer = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Writer.class.getName(),
                        run.toString())
                .redirectOutput(log.toFile())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        while (writer.isAlive() && committed(log) < 2L * repetition.getCurrentRepetition()) {
            Thread.sleep(1 + 3L * repetition.getCurrentRepetition());
        }
        writer.destroyForcibly().waitFor();
        long committed = committed(log);

        List<String> passedOver = new ArrayList<>();
        CheckpointFolder checkpoints = CheckpointFolder.open(run, 2);
        Checkpoint newest = checkpoints.newestValid(passedOver::add).orElseThrow();

        assertThat(passedOver)
                .as("a killed process leaves nothing damaged under a final name")
                .isEmpty();
        assertThat(newest.step()).isBetween(committed, committed + 1);
        for (Path each : checkpoints.newestFirst()) {
            assertThat(CheckpointFolder.problem(each)).as("%s", each).isEmpty();
        }
        checkpoints.removeLeftovers();
        checkpoints.commit(CheckpointFolderTest.state(newest.step() + 1), 0, CheckpointFolderTest.writer("after"));
        assertThat(CheckpointFolderTest.names(run)).containsExactly("checkpoints", "current_pipeline", "fence.lock");
    }

    private static long committed(Path log) throws IOException {
        return Files.readAllLines(log).size();
    }

    /** Commits checkpoints of 2 MB, keeping two, and says so after each. */
    static final class Writer {

        private Writer() {}

        public static void main(String[] arguments) {
            CheckpointFolder checkpoints = CheckpointFolder.open(Path.of(arguments[0]), 2);
            String weights = "w".repeat(2_000_000);
            for (long step = 1; ; step++) {
                checkpoints.commit(CheckpointFolderTest.state(step), 0, CheckpointFolderTest.writer(weights));
                System.out.println(step);
            }
        }
    }
}

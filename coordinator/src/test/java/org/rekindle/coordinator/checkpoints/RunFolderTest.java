package org.rekindle.coordinator.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.UserException;

class RunFolderTest {

    @TempDir
    Path folder;

    private final List<String> messages = new ArrayList<>();

    @Test
    void aFreshRunHasItsFolderItsConfigurationAndNoStartingPoint() throws IOException {
        try (RunFolder run = RunFolder.open(config("experiment.requeue=true"))) {
            assertThat(run.path()).isEqualTo(folder.resolve("runs/one"));
            assertThat(run.path().resolve("logs")).isDirectory();
            assertThat(run.startingPoint(messages::add)).isEmpty();
            run.keep(config("experiment.requeue=true"));
            assertThat(Files.readString(run.path().resolve("config.yaml"))).contains("batch_size: 4");
        }
    }

    @Test
    void aRequeuedRunStartsFromTheNewestWholeCheckpointAndTheLinkFollows() throws IOException {
        try (RunFolder run = RunFolder.open(config("experiment.requeue=true"))) {
            run.checkpoints().commit(CheckpointFolderTest.state(1), 0, CheckpointFolderTest.writer("w"));
            run.checkpoints().commit(CheckpointFolderTest.state(2), 0, CheckpointFolderTest.writer("w"));
            Files.delete(run.path().resolve("checkpoints/step_00000002/MANIFEST.json"));
            Files.createDirectory(run.path().resolve("checkpoints/step_00000003.partial"));
        }
        try (RunFolder run = RunFolder.open(config("experiment.requeue=true"))) {
            assertThat(run.path().resolve("checkpoints/step_00000003.partial")).doesNotExist();
            assertThat(run.startingPoint(messages::add)).map(Checkpoint::step).contains(1L);
            assertThat(messages).singleElement().asString().contains("step_00000002");
            assertThat(Files.readSymbolicLink(run.path().resolve("current_pipeline")))
                    .isEqualTo(Path.of("checkpoints/step_00000001/pipeline"));
        }
    }

    @Test
    void checkpointsWithoutRequeueAreNeverOverwritten() throws IOException {
        try (RunFolder run = RunFolder.open(config())) {
            run.keep(config());
            run.checkpoints().commit(CheckpointFolderTest.state(1), 0, CheckpointFolderTest.writer("w"));
        }
        Path written = folder.resolve("runs/one/config.yaml");
        String before = Files.readString(written);

        assertThatThrownBy(() -> RunFolder.open(config("system.batch_size=8")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("experiment.requeue=true");
        assertThat(written).hasContent(before);
        RunFolder.open(config("experiment.requeue=true")).close();
    }

    @Test
    void noWholeCheckpointIsAnErrorAndNoFreshStart() throws IOException {
        try (RunFolder run = RunFolder.open(config("experiment.requeue=true"))) {
            run.checkpoints().commit(CheckpointFolderTest.state(1), 0, CheckpointFolderTest.writer("w"));
            Files.delete(run.path().resolve("checkpoints/step_00000001/MANIFEST.json"));

            assertThatThrownBy(() -> run.startingPoint(messages::add))
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("none of its checkpoints is whole");
        }
    }

    @Test
    void aSecondRunInTheSameProcessIsRefusedAndTheFirstKeepsItsLock() throws Exception {
        try (RunFolder run = RunFolder.open(config())) {
            assertThatThrownBy(() -> RunFolder.open(config()))
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("in use by another run");
            assertThat(openedByAnotherProcess())
                    .contains("in use by process " + ProcessHandle.current().pid() + " on ");
            assertThat(run.path()).isDirectory();
        }
        assertThat(openedByAnotherProcess()).isEqualTo("opened");
    }

    @Test
    void theLockOfAKilledProcessHoldsNobodyUp() throws Exception {
        Process holder = start("hold");
        BufferedReader out = new BufferedReader(new InputStreamReader(holder.getInputStream(), StandardCharsets.UTF_8));
        assertThat(out.readLine()).isEqualTo("opened");

        assertThatThrownBy(() -> RunFolder.open(config()))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("in use by process " + holder.pid() + " on ")
                .hasMessageContaining("started at 20");
        holder.destroyForcibly().waitFor();
        RunFolder.open(config()).close();
    }

    @Test
    void aFileInTheFoldersPlaceIsOneLine() throws IOException {
        Files.writeString(folder.resolve("runs"), "");

        assertThatThrownBy(() -> RunFolder.open(config()))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("runs/one")
                .hasMessageContaining("experiment.log_dir")
                .hasMessageNotContaining("\n");
    }

    @Test
    void aLogFolderThatCannotBeWrittenIsOneLine() {
        assumeTrue(Files.isDirectory(Path.of("/proc/self")), "only Linux has /proc");

        assertThatThrownBy(() -> RunFolder.open(config("experiment.log_dir=/proc/self/runs")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("/proc/self/runs/one: cannot be written")
                .hasMessageNotContaining("\n");
    }

    private RunConfig config(String... overrides) {
        return configIn(folder, overrides);
    }

    private static RunConfig configIn(Path folder, String... overrides) {
        try {
            Path file = Files.writeString(folder.resolve("run.yaml"), """
                    system: {batch_size: 4}
                    experiment: {log_dir: '${config_dir}/runs', name: one, num_examples_to_see: 100}
                    optimizer: {params: {learning_rate: 0.0001}}
                    model: {pretrained: somewhere}
                    dataset: {params: {path: data.tar}}
                    """);
            List<String> arguments = new ArrayList<>(List.of("config=" + file));
            arguments.addAll(List.of(overrides));
            return ConfigReader.read(arguments);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private String openedByAnotherProcess() throws IOException, InterruptedException {
        Process process = start("close");
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        process.waitFor();
        return said;
    }

    private Process start(String what) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xshare:auto",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Opener.class.getName(),
                        folder.toString(),
                        what)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    /** A process of its own that opens the run folder and, when told to, holds it until it is killed. */
    static final class Opener {

        private Opener() {}

        public static void main(String[] arguments) throws InterruptedException {
            try (RunFolder run = RunFolder.open(configIn(Path.of(arguments[0])))) {
                System.out.println(Files.isDirectory(run.path()) ? "opened" : "absent");
                if (arguments[1].equals("hold")) {
                    Thread.sleep(60_000);
                }
            } catch (UserException e) {
                System.out.println(e.getMessage());
            }
        }
    }
}

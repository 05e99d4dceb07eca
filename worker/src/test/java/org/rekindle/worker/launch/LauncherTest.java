package org.rekindle.worker.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;

@Timeout(60)
class LauncherTest {

    @TempDir
    Path folder;

    private final List<String> lines = new CopyOnWriteArrayList<>();

    private int launch(int workers, boolean respawn, String... ends) {
        List<String> command = new ArrayList<>(List.of(FakeWorker.class.getName(), folder.toString()));
        command.addAll(List.of(ends));
        return new Launcher(WorkerPlace.first(workers, Map.of()), workers, command, respawn, lines::add).await();
    }

    private int starts(int rank) throws IOException {
        return Files.readAllLines(folder.resolve("starts-" + rank)).size();
    }

    @Test
    void everyWorkerIsStartedOnceAndItsLinesTellWhoseTheyAre() throws IOException {
        assertThat(launch(2, false)).isZero();
        assertThat(lines)
                .containsExactlyInAnyOrder(
                        "worker 0 of 2 at 127.0.0.1, start 1", "[1] worker 1 of 2 at 127.0.0.1, start 1");
        assertThat(starts(0) + starts(1)).isEqualTo(2);
    }

    @Test
    void oneThatDiesIsTheRunsAffairAndToldOfOnly() throws IOException {
        assertThat(launch(2, false, "1:7")).isZero();
        assertThat(lines).contains("worker 1 ended with exit code 7");
        assertThat(starts(1)).isEqualTo(1);
    }

    @Test
    void whereAllDieTheFirstCodeIsTheAnswer() {
        assertThat(launch(1, false, "0:7")).isEqualTo(7);
    }

    @Test
    void oneThatDiesIsStartedAgainWhereThatIsAskedFor() throws IOException {
        assertThat(launch(2, true, "1:7", "1:8")).isZero();
        assertThat(starts(1)).isEqualTo(3);
        assertThat(starts(0)).isEqualTo(1);
    }

    @Test
    void oneThatDiesAtOnceIsGivenUp() throws IOException {
        assertThat(launch(1, true, "0:3", "0:3", "0:3", "0:3", "0:3", "0:3")).isEqualTo(3);
        assertThat(starts(0)).isEqualTo(5);
        assertThat(lines).anyMatch(line -> line.contains("is not started again"));
    }

    @Test
    void workersEndWithTheirLauncher() throws Exception {
        Process launcher = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        LaunchedFake.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("out").toFile())
                .start();
        Path started = folder.resolve("starts-0");
        while (!Files.exists(started) || Files.readString(started).isBlank()) {
            Thread.sleep(10);
        }
        ProcessHandle worker = ProcessHandle.of(
                        Long.parseLong(Files.readAllLines(started).get(0)))
                .orElseThrow();
        Thread.sleep(300); // it watches its launcher from the start
        launcher.destroyForcibly().waitFor();
        worker.onExit().join();
    }

    /** A launcher to be killed. */
    static final class LaunchedFake {
        public static void main(String[] arguments) {
            List<String> command = List.of(FakeWorker.class.getName(), arguments[0], "0:wait");
            new Launcher(WorkerPlace.first(1, Map.of()), 1, command, false, System.out::println).await();
        }
    }

    @Test
    void severalLaunchersGiveTheirWorkersTheRanksOfTheirTurn() {
        WorkerPlace place = WorkerPlace.first(
                4, Map.of("RANK", "2", "WORLD_SIZE", "3", "MASTER_ADDR", "node-a", "MASTER_PORT", "29500"));
        assertThat(place.next(1)).isEqualTo(new WorkerPlace(9, 1, 4, 12, "node-a", 29500));
        assertThatThrownBy(() -> WorkerPlace.first(4, Map.of("RANK", "1", "WORLD_SIZE", "2")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("MASTER_ADDR");
    }
}

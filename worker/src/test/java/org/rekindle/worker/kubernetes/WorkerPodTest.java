package org.rekindle.worker.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.membership.WorkerRank;

/** The command of a worker's pod, run by bash as the pod does, around a {@code rekindle} that only says what it was given. */
class WorkerPodTest {

    /** What a pod says that was asked to go. */
    static final int LEFT = 143;

    private static final Container TRAIN = Manifests.read()
            .the(Job.class)
            .getSpec()
            .getTemplate()
            .getSpec()
            .getContainers()
            .get(0);

    @TempDir
    Path folder;

    private Process pod;

    @AfterEach
    void end() {
        pod.descendants().forEach(ProcessHandle::destroyForcibly);
        pod.destroyForcibly();
    }

    @Test
    void itsRankIsBehindTheCoordinators() throws Exception {
        start("env > " + folder.resolve("given"));

        assertThat(code()).isZero();
        Map<String, String> given = Files.readAllLines(folder.resolve("given")).stream()
                .map(line -> line.split("=", 2))
                .filter(pair -> pair.length == 2)
                .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1], (first, second) -> second));
        assertThat(WorkerRank.of(given)).isEqualTo(new WorkerRank(6, 7, "RANK"));
    }

    @Test
    void aRunThatHasEndedCompletesTheIndexAndAFailureIsOne() throws Exception {
        start("exit 0");
        assertThat(code()).isZero();

        start("exit 7");
        assertThat(code()).isEqualTo(7);
    }

    @Test
    void aWorkerThatIsAskedToGoEndsItsStepAndDoesNotCompleteTheIndex() throws Exception {
        Path started = folder.resolve("started");
        Path ended = folder.resolve("ended");
        start("trap 'touch " + ended + "; exit 0' TERM; touch " + started + "; while true; do sleep 0.1; done");
        while (Files.notExists(started)) {
            assertThat(pod.isAlive()).isTrue();
            Thread.sleep(10);
        }

        pod.destroy();

        assertThat(code()).isEqualTo(LEFT);
        assertThat(ended).exists();
    }

    private void start(String rekindle) throws IOException {
        Path bin = Files.createDirectories(folder.resolve("bin"));
        Path program = Files.writeString(bin.resolve("rekindle"), "#!/usr/bin/env bash\n" + rekindle + "\n");
        assertThat(program.toFile().setExecutable(true)).isTrue();
        ProcessBuilder builder = new ProcessBuilder(command()).inheritIO();
        builder.environment().put("PATH", bin + ":" + System.getenv("PATH"));
        builder.environment().put("JOB_COMPLETION_INDEX", "3");
        TRAIN.getEnv().stream()
                .filter(variable -> variable.getValue() != null)
                .forEach(variable -> builder.environment().put(variable.getName(), variable.getValue()));
        pod = builder.start();
    }

    private static List<String> command() {
        assertThat(TRAIN.getArgs()).isEmpty();
        return TRAIN.getCommand();
    }

    private int code() throws InterruptedException {
        assertThat(pod.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return pod.exitValue();
    }
}

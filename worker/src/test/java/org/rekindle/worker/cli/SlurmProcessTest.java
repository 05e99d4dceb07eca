package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sbatch files of the repository under a real SLURM: whatever ends a job early, the run resumes and trains as if nothing had happened. */
@Tag("slurm")
class SlurmProcessTest {

    private static final int STEPS = 200;
    private static final List<String> TWO_NODES =
            List.of("--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=1", "--time=10");
    private static final List<String> ONE_TASK = List.of("--ntasks-per-node=1", "--cpus-per-task=1", "--time=10");

    @TempDir
    static Path folder;

    private static SlurmCluster cluster;
    private static RunFiles undisturbed;

    @BeforeAll
    static void start() throws Exception {
        RunningWorkers one = new RunningWorkers(folder, "one", STEPS);
        one.startAll(1).get(0).awaitSuccess();
        undisturbed = one.files();
        cluster = SlurmCluster.start(folder);
    }

    @AfterAll
    static void stop() throws Exception {
        cluster.close();
    }

    /** A run of its own name, where {@link RunningWorkers} would have it. */
    private static List<String> settings(RunningWorkers run, String... more) {
        List<String> settings = new ArrayList<>(List.of(run.arguments()));
        settings.addAll(List.of(more));
        return settings;
    }

    private static SlurmCluster.Job submit(RunningWorkers run, String file, List<String> options, String... more)
            throws Exception {
        return cluster.submit(file, Map.of("MASTER_ADDR", "127.0.0.1"), options, settings(run, more));
    }

    private static void assertCompletedOnce(SlurmCluster.Job job, RunningWorkers run, int restarts) throws Exception {
        assertThat(job.end()).as(job.output()).isEqualTo("COMPLETED");
        assertThat(job.restarts()).as(job.output()).isEqualTo(restarts);
        assertThat(job.output()).contains("completed at step " + STEPS);
        run.files().assertSameTrainingAs(undisturbed);
        run.verify();
    }

    private static int saved(RunFiles files) throws IOException {
        try (Stream<Path> steps = Files.list(files.folder().resolve("checkpoints"))) {
            return steps.map(step -> step.getFileName().toString())
                    .filter(step -> step.matches("step_\\d+"))
                    .mapToInt(step -> Integer.parseInt(step.substring(5)))
                    .max()
                    .orElse(0);
        }
    }

    @Test
    void theTimeLimitsSignalDrainsAndRequeuesOnce() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "limit", STEPS);
        SlurmCluster.Job job = submit(run, "multinode-template.sbatch", TWO_NODES, "experiment.save_every=1000");
        job.awaitLines(run.files().metricsFile(), 40);
        cluster.client("scancel", "--batch", "--signal=USR1", job.id()); // what --signal=B:USR1@ sends
        job.await("the requeue", () -> job.output().contains("SLURM queues job " + job.id() + " again"));
        int drained = saved(run.files());
        assertThat(drained).isBetween(40, STEPS - 1);
        assertCompletedOnce(job, run, 1);
        assertThat(run.files().metrics().get(drained - 1).get("restart_count").asInt())
                .isZero();
        assertThat(run.files().metrics().get(drained).get("restart_count").asInt())
                .isEqualTo(1);
    }

    @Test
    void signalledTasksDrainAndRequeueOnce() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "tasks", STEPS);
        SlurmCluster.Job job = submit(run, "multinode-template.sbatch", TWO_NODES);
        job.awaitLines(run.files().metricsFile(), 40);
        cluster.client("scancel", "--signal=TERM", job.id());
        assertCompletedOnce(job, run, 1);
    }

    @Test
    void requeuedFromOutside() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "outside", STEPS);
        SlurmCluster.Job job = submit(run, "multinode-template.sbatch", TWO_NODES);
        job.awaitLines(run.files().metricsFile(), 40);
        cluster.client("scontrol", "requeue", job.id());
        assertCompletedOnce(job, run, 1);
    }

    @Test
    void theFirstNodeGoesDown() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "down", STEPS);
        SlurmCluster.Job job = submit(run, "single-node.sbatch", with(ONE_TASK, "--nodelist=n2"));
        job.awaitLines(run.files().metricsFile(), 40);
        cluster.client("scontrol", "update", "nodename=n2", "state=down", "reason=test");
        job.await("the requeue", () -> restarts(job.id()) == 1);
        cluster.client("scontrol", "update", "nodename=n2", "state=resume");
        assertCompletedOnce(job, run, 1);
    }

    @Test
    void anotherNodeGoesDownAndTheRestGoesOn() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "fewer", STEPS);
        SlurmCluster.Job job =
                submit(run, "multinode-template.sbatch", with(TWO_NODES, "--nodelist=n0,n1"), "system.lanes=3");
        job.awaitLines(run.files().metricsFile(), 40);
        cluster.client("scontrol", "update", "nodename=n1", "state=down", "reason=test");
        try {
            assertCompletedOnce(job, run, 0);
            assertThat(run.files().events("generation"))
                    .extracting(event -> event.get("workers").size())
                    .containsExactly(2, 1);
        } finally {
            cluster.client("scontrol", "update", "nodename=n1", "state=resume");
        }
    }

    @Test
    void withoutScontrolTheExitCodeRequeues() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "code", STEPS);
        Path bin = Files.createDirectories(folder.resolve("bin"));
        for (String tool : List.of("bash", "cat", "dirname", "grep", "head", "hostname", "rm", "sleep", "srun")) {
            Path stand = bin.resolve(tool);
            Files.writeString(stand, "#!/bin/sh\nexec /usr/bin/" + tool + " \"$@\"\n");
            assertThat(stand.toFile().setExecutable(true)).isTrue();
        }
        SlurmCluster.Job job = cluster.submit(
                "multinode-template.sbatch",
                Map.of("MASTER_ADDR", "127.0.0.1", "PATH", bin.toString()),
                TWO_NODES,
                settings(run));
        job.awaitLines(run.files().metricsFile(), 40);
        cluster.client("scancel", "--batch", "--signal=USR1", job.id());
        assertCompletedOnce(job, run, 1);
        assertThat(job.output()).contains("(no scontrol here); exit code 75 asks its batch script to");
    }

    @Test
    void cancelledJobsAreNotQueuedAgain() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "cancelled", STEPS);
        SlurmCluster.Job job = submit(run, "single-node.sbatch", ONE_TASK, "experiment.num_examples_to_see=1000000");
        job.awaitLines(run.files().metricsFile(), 40);
        cluster.client("scancel", job.id());
        assertThat(job.end()).isEqualTo("CANCELLED");
        Thread.sleep(8000); // a requeued job would be back after six seconds
        assertThat(job.end()).isEqualTo("CANCELLED");
        assertThat(job.restarts()).isZero();
        assertThat(saved(run.files())).isGreaterThanOrEqualTo(40);
    }

    @Test
    void jobsThatMayNotBeQueuedAgainStop() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "stuck", STEPS);
        SlurmCluster.Job job =
                submit(run, "single-node.sbatch", ONE_TASK, "experiment.max_requeues_without_progress=0");
        job.awaitLines(run.files().metricsFile(), 40);
        cluster.client("scancel", "--batch", "--signal=USR1", job.id());
        assertThat(job.end()).isEqualTo("FAILED");
        assertThat(job.restarts()).isZero();
        assertThat(job.output())
                .contains("rekindle: experiment.max_requeues_without_progress=0: the run is at step")
                .contains("--time");
    }

    @Test
    void membersOfAnArrayJoinLeaveAndComeBack() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "array", STEPS);
        SlurmCluster.Job array = submit(
                run,
                "elastic-array.sbatch",
                List.of("--array=0-2", "--cpus-per-task=1", "--time=10"),
                "system.min_workers=3"); // the others wait for the one that leaves
        array.awaitLines(run.files().metricsFile(), 20);
        cluster.client(
                "scancel",
                "--batch",
                "--signal=USR1",
                array.id() + "_2"); // the last one, whose id is that of the whole array
        array.await("its return", () -> restarts(array.id() + "_2") == 1);
        assertThat(restarts(array.id() + "_0") + restarts(array.id() + "_1")).isZero();
        array.await("everybody's end", () -> states(array.id()).stream().allMatch("COMPLETED"::equals));
        run.files().assertSameTrainingAs(undisturbed);
        run.verify();
    }

    private static List<String> states(String array) throws IOException {
        try {
            return Stream.of(cluster.client("squeue", "--noheader", "--states=all", "--job=" + array, "--format=%T")
                            .split("\\s+"))
                    .toList();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private static int restarts(String job) throws IOException {
        try {
            return cluster.job(job).restarts();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private static List<String> with(List<String> options, String more) {
        List<String> all = new ArrayList<>(options);
        all.add(more);
        return all;
    }
}

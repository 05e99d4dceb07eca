package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * One run on one worker, and the same run by other numbers of workers, of which some are killed, leave and come: real processes, the same
 * losses and weights.
 */
class WorkersProcessTest {

    private static final int STEPS = 400;

    @TempDir
    static Path folder;

    private static RunFiles undisturbed;

    private final Random random = new Random();

    @BeforeAll
    static void trainOnOneWorker() throws Exception {
        RunningWorkers one = new RunningWorkers(folder, "one", STEPS);
        one.startAll(1).get(0).awaitSuccess();
        undisturbed = one.files();
        assertThat(undisturbed.metrics()).hasSize(STEPS);
    }

    private static void assertUndisturbed(RunningWorkers run) throws Exception {
        run.files().assertSameTrainingAs(undisturbed);
        run.verify();
    }

    @Test
    void drainedKilledAndResumedByOtherNumbersOfWorkers() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "resumed", STEPS);
        int first = 3 + random.nextInt(100);
        List<RekindleProcess> two = run.startAll(2);
        two.get(0).awaitLines(run.files().metricsFile(), first);
        two.get(random.nextInt(2)).signal("USR1");
        for (RekindleProcess each : two) {
            each.awaitSuccess();
        }
        int drained = run.files().metrics().size();
        assertThat(drained).isBetween(first, STEPS - 1);

        List<RekindleProcess> three = run.startAll(3);
        three.get(0).awaitLines(run.files().metricsFile(), drained + 3 + random.nextInt(50));
        for (RekindleProcess each : three) {
            each.kill();
        }

        for (RekindleProcess each : run.startAll(2)) {
            each.awaitSuccess();
        }
        assertUndisturbed(run);
    }

    /** Their gradients, some hundred kB, are summed in buckets while the backward pass goes on. */
    @Test
    void oneOfTwoIsKilledAndReplaced() throws Exception {
        String buckets = "distributed.bucket_mib=0.02";
        RunningWorkers run = new RunningWorkers(folder, "killed", STEPS);
        List<RekindleProcess> two = List.of(run.start(0, 2, buckets), run.start(1, 2, buckets));
        two.get(0).awaitLines(run.files().metricsFile(), 5 + random.nextInt(60));
        two.get(1).kill();
        RekindleProcess replacement = run.start(1, 2, buckets);
        two.get(0).awaitSuccess();
        replacement.awaitSuccess();

        assertThat(run.files().events("generation"))
                .extracting(event -> event.get("workers").size())
                .containsExactly(2, 1, 2);
        assertUndisturbed(run);
    }

    @Test
    void theCoordinatorsNodeIsKilledAndReplaced() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "led", STEPS);
        List<RekindleProcess> three = run.startAll(3);
        three.get(0).awaitLines(run.files().metricsFile(), 5 + random.nextInt(60));
        three.get(0).kill();
        RekindleProcess replacement = run.start(0, 3);
        three.get(1).awaitSuccess();
        three.get(2).awaitSuccess();
        replacement.awaitSuccess();

        assertThat(run.files().events("coordinator")).hasSize(1);
        assertUndisturbed(run);
    }

    @Test
    void oneOfTwoLeavesAndAnotherOneJoins() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "left", STEPS);
        List<RekindleProcess> two = run.startAll(2);
        two.get(0).awaitLines(run.files().metricsFile(), 5 + random.nextInt(60));
        two.get(1).signal("TERM");
        two.get(1).awaitSuccess();
        assertThat(two.get(1).output()).contains("left after step");
        RekindleProcess joiner = run.start(1, 2);
        two.get(0).awaitSuccess();
        joiner.awaitSuccess();

        assertThat(two.get(0).output()).doesNotContain("replayed");
        assertThat(run.files().events("generation"))
                .extracting(event -> event.get("workers").size())
                .containsExactly(2, 1, 2);
        assertUndisturbed(run);
    }

    @Test
    void whoDoesNotFitIsRefusedAndTheRunGoesOn() throws Exception {
        RunningWorkers run = new RunningWorkers(folder, "guarded", STEPS);
        List<RekindleProcess> two = run.startAll(2);
        two.get(0).awaitLines(run.files().metricsFile(), 5);
        RekindleProcess other = run.start(2, 3, "system.seed=8");
        RekindleProcess sharing = run.start(2, 3, "distributed.shard_optimizer=true");
        RekindleProcess twice = run.start(1, 2);
        assertThat(other.await()).isEqualTo(1);
        assertThat(other.output())
                .contains("rekindle: node 2 has another configuration than the run: system.seed is 8, in the run 7");
        assertThat(sharing.await()).isEqualTo(1);
        assertThat(sharing.output()).contains("distributed.shard_optimizer is true, in the run false");
        assertThat(twice.await()).isEqualTo(1);
        assertThat(twice.output()).contains("rekindle: worker 1 of this run is there already");
        for (RekindleProcess each : two) {
            each.awaitSuccess();
        }
        assertUndisturbed(run);
    }

    /** A part of the state is lost with its worker: back to the checkpoint. Afterwards one worker goes on with all of it. */
    @Test
    void workersThatShareTheOptimizersStateAreKilledJoinAndHandItOver() throws Exception {
        String[] shared = {"distributed.shard_optimizer=true", "experiment.save_every=20"};
        RunningWorkers run = new RunningWorkers(folder, "shared", STEPS);
        List<RekindleProcess> two = List.of(run.start(0, 2, shared), run.start(1, 2, shared));
        two.get(0).awaitLines(run.files().metricsFile(), 25 + random.nextInt(60));
        two.get(1).kill();
        RekindleProcess replacement = run.start(1, 2, shared);
        two.get(0)
                .await(
                        "three generations",
                        () -> run.files().events("generation").size() == 3);
        two.get(0).signal("USR1");
        two.get(0).awaitSuccess();
        replacement.awaitSuccess();
        assertThat(run.files().events("rollback")).hasSize(1);

        run.startAll(1).get(0).awaitSuccess();
        assertUndisturbed(run);
    }
}

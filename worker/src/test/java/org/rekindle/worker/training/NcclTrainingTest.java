package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.worker.collectives.Collective;
import org.rekindle.worker.collectives.CollectiveAbortedException;
import org.rekindle.worker.collectives.FakeNccl;
import org.rekindle.worker.collectives.RingCollective;
import org.rekindle.worker.training.TrainingSession.StepResult;

/**
 * Sessions that train over {@code NcclCollective} do what they do over the ring. NCCL and the device are a fake over host memory, which sums
 * in the order of the ranks: with two of them, as the ring does.
 */
@Timeout(120)
class NcclTrainingTest {

    @TempDir
    private static Path folder;

    private static FakeNccl fake;

    private static TinyRun run;
    private static Checkpoint start;

    @BeforeAll
    static void compile() throws InterruptedException {
        fake = FakeNccl.compile(folder);
        run = TinyRun.denoising(folder.resolve("run"));
        start = run.fresh();
    }

    @BeforeEach
    void reset() {
        FakeNccl.required(fake).reset().sumsTogether();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void twoWorkersTrainAsOverTheRingBitForBit(boolean sharing) {
        RunConfig config = sharing ? run.sharing() : run.config();
        List<Object> overRing = training(config, ring -> ring);
        assertThat(fake.calls()).isEmpty();

        assertThat(training(config, fake::over)).isEqualTo(overRing);
        assertThat(fake.calls()).anyMatch(call -> call.startsWith(sharing ? "1 reduce " : "1 sum "));
    }

    /** Losses and norms of three steps, and the state after them, as a checkpoint has it. */
    private static List<Object> training(RunConfig config, Function<RingCollective, Collective> backend) {
        List<Object> all = new ArrayList<>();
        try (SessionWorkers two = new SessionWorkers(2, config, start, backend)) {
            two.form(1, 2);
            for (int step = 1; step <= 3; step++) {
                all.add(two.step(step, 2));
            }
            all.addAll(state(two.gathered(2)));
        }
        return all;
    }

    /** Values of all tensors. */
    private static List<FloatBuffer> state(HostSnapshot snapshot) {
        return Stream.of(snapshot.weights(), snapshot.expAvg(), snapshot.expAvgSq(), snapshot.ema())
                .flatMap(tensors -> tensors.values().stream())
                .map(tensor -> FloatBuffer.wrap(tensor.values()))
                .toList();
    }

    @Test
    void aWorkerThatJoinsTakesTheStateAndTrainsOnWithTheOthers() {
        List<StepResult> overRing = joining(ring -> ring);
        List<StepResult> overNccl = joining(fake::over);
        for (int i = 0; i < overRing.size(); i++) {
            // three numbers have several sums
            assertThat(overNccl.get(i).lossSum()).isCloseTo(overRing.get(i).lossSum(), within(1e-6));
            assertThat(overNccl.get(i).gradientNorm()).isCloseTo(overRing.get(i).gradientNorm(), within(1e-5));
        }
    }

    private static List<StepResult> joining(Function<RingCollective, Collective> backend) {
        try (SessionWorkers three = new SessionWorkers(3, run.config(), start, backend)) {
            three.form(1, 2);
            List<StepResult> results = new ArrayList<>(three.step(1, 2));
            three.form(2, 3, 2);
            HostSnapshot given = three.snapshot(0);
            assertThat(three.snapshot(2).updates()).isEqualTo(1);
            for (int taker = 1; taker < 3; taker++) { // the one that passes it on has it as it had it
                assertThat(state(three.snapshot(taker))).isEqualTo(state(given));
            }
            results.addAll(three.step(2, 3));
            assertThat(state(three.snapshot(2))).isEqualTo(state(three.snapshot(0)));
            return results;
        }
    }

    @Test
    void whoWaitsForASumWhenTheGenerationEndsReplaysTheStepInTheNext() throws InterruptedException {
        List<Object> undisturbed = training(run.config(), ring -> ring);
        List<Object> all = new ArrayList<>();
        try (SessionWorkers two = new SessionWorkers(2, run.config(), start, fake::over)) {
            two.form(1, 2);
            all.add(two.step(1, 2));
            CompletableFuture<StepResult> waiting = two.computing(2, 2, 0);
            while (Collections.frequency(fake.calls(), "end") < 3) { // two sums of step 1, one of step 2
                Thread.sleep(5);
            }
            two.abort(1, 0);
            assertThatThrownBy(waiting::join).hasCauseInstanceOf(CollectiveAbortedException.class);
            two.discard(2);
            two.form(2, 2);
            all.add(two.step(2, 2));
            all.add(two.step(3, 2));
            all.addAll(state(two.gathered(2)));
        }
        assertThat(all).isEqualTo(undisturbed);
    }
}

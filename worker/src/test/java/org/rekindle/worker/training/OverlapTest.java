package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.config.GradientCheckpointing;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.collectives.Collective;
import org.rekindle.worker.collectives.CollectiveAbortedException;
import org.rekindle.worker.collectives.PeerLostException;
import org.rekindle.worker.collectives.Ranks;
import org.rekindle.worker.collectives.RingCollective;
import org.rekindle.worker.collectives.RingSettings;
import org.rekindle.worker.training.TrainingSession.StepResult;

/** Training steps of sessions on a real ring, their gradients summed beside the backward pass or after it. */
@Timeout(120)
class OverlapTest {

    private static final int LANES = 3;
    private static final int STEPS = 2;

    /** 10 kB: the tiny UNet's largest parameters have 37 kB. */
    private static final double SMALL = 0.01;

    private static final int SMALL_BYTES = (int) (SMALL * (1 << 20)) / 4 * 4;

    @TempDir
    private Path folder;

    /**
     * What a rank made of its steps.
     *
     * @param results of each step
     * @param moments the first moments after the first step, which are a tenth of the clipped gradients
     */
    private record Trained(List<StepResult> results, Map<String, List<Float>> moments, Watched ring) {}

    /** A ring that knows which sums it was asked for, by whom, and does something before each. */
    private static final class Watched implements Collective {
        private final RingCollective ring;
        private final IntConsumer before;
        private final List<Integer> sums = new ArrayList<>();
        private final List<String> threads = new ArrayList<>();

        Watched(RingCollective ring, IntConsumer before) {
            this.ring = ring;
            this.before = before;
        }

        @Override
        public int rank() {
            return ring.rank();
        }

        @Override
        public int worldSize() {
            return ring.worldSize();
        }

        @Override
        public void connect(Duration timeout) {
            ring.connect(timeout);
        }

        @Override
        public double[] gather(double own) {
            return ring.gather(own);
        }

        @Override
        public void allReduceSum(List<ByteBuffer> data) {
            before.accept(sums.size());
            sums.add(data.stream().mapToInt(ByteBuffer::remaining).sum());
            threads.add(Thread.currentThread().getName());
            ring.allReduceSum(data);
        }

        @Override
        public void reduceScatter(List<List<ByteBuffer>> parts) {
            ring.reduceScatter(parts);
        }

        @Override
        public void allGather(List<List<ByteBuffer>> parts) {
            ring.allGather(parts);
        }

        @Override
        public void broadcast(int root, List<ByteBuffer> data) {
            ring.broadcast(root, data);
        }

        @Override
        public void abort() {
            ring.abort();
        }

        @Override
        public void close() {
            ring.close();
        }
    }

    @AfterEach
    void noThreadIsLeft() {
        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .noneMatch(name -> name.startsWith("all-reduce-"));
    }

    @ParameterizedTest
    @CsvSource({"1, fp32, false", "2, fp32, false", "3, fp32, false", "2, fp32, true", "3, bf16, false", "2, bf16, true"
    })
    void bucketsBesideTheBackwardPassTrainLikeOneSumAfterIt(int worldSize, String precision, boolean checkpointing)
            throws Exception {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint start = run.fresh();
        GradientCheckpointing segments = checkpointing ? GradientCheckpointing.TRUE : GradientCheckpointing.FALSE;

        List<Trained> plain = train(worldSize, run.config(precision, segments), start);
        List<Trained> overlapped = train(worldSize, run.config(precision, segments, SMALL), start);

        for (int rank = 0; rank < worldSize; rank++) {
            Trained expected = plain.get(rank);
            Trained trained = overlapped.get(rank);
            assertThat(distance(trained.moments(), expected.moments())).isLessThan(1e-6);
            StepResult first = trained.results().get(0);
            assertThat(first.lossSum()).isEqualTo(expected.results().get(0).lossSum());
            assertThat(first.gradientNorm()).isCloseTo(expected.results().get(0).gradientNorm(), percent(1e-4));
            double second = expected.results().get(1).lossSum();
            // What differs in the last bit of fp32 may round to the next bf16.
            assertThat(trained.results().get(1).lossSum())
                    .isCloseTo(second, percent(precision.equals("fp32") ? 1e-4 : 1));
            assertThat(first.gradientNorm())
                    .isEqualTo(overlapped.get(0).results().get(0).gradientNorm());
        }
        if (worldSize > 1) {
            assertThat(plain).allSatisfy(rank -> assertThat(rank.ring().sums).hasSize(STEPS));
            assertThat(overlapped).allSatisfy(rank -> {
                assertThat(rank.ring().sums).hasSizeGreaterThan(10 * STEPS).allMatch(bytes -> bytes <= SMALL_BYTES);
                assertThat(rank.ring().sums).isEqualTo(overlapped.get(0).ring().sums);
                assertThat(rank.ring().threads)
                        .containsOnly("all-reduce-" + rank.ring().rank());
            });
        }
    }

    @Test
    void overlappedStepsRepeatBitForBit() throws Exception {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint start = run.fresh();
        RunConfig config = run.config("fp32", GradientCheckpointing.FALSE, SMALL);

        List<Trained> once = train(3, config, start);
        List<Trained> again = train(3, config, start);

        for (int rank = 0; rank < 3; rank++) {
            assertThat(again.get(rank).results()).isEqualTo(once.get(rank).results());
            assertThat(again.get(rank).moments()).isEqualTo(once.get(rank).moments());
        }
    }

    @Test
    void aRankLostBetweenTwoBucketsEndsTheStepOfTheOthersAndTheNextRingHasItAsIfNothingHadBeen() throws Exception {
        List<Throwable> failures = replayedAfter(1, RingCollective::close);

        assertThat(List.of(failures.get(0), failures.get(2))).allSatisfy(failure -> assertThat(failure)
                .isInstanceOfSatisfying(
                        PeerLostException.class, lost -> assertThat(lost.rank()).isEqualTo(1)));
    }

    @Test
    void anAbortBetweenTwoBucketsEndsTheStepOfAllAndTheNextRingHasItAsIfNothingHadBeen() throws Exception {
        List<Throwable> failures = replayedAfter(0, RingCollective::abort);

        assertThat(failures).allSatisfy(failure -> assertThat(failure).isInstanceOf(CollectiveAbortedException.class));
    }

    /**
     * Takes a step that ends on three ranks before the fourth bucket of one of them, then the same step on a new ring, and compares it
     * with one that nothing disturbed.
     *
     * @return how the step ended on each rank
     */
    private List<Throwable> replayedAfter(int rank, Consumer<RingCollective> end) throws Exception {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint start = run.fresh();
        RunConfig config = run.config("fp32", GradientCheckpointing.FALSE, SMALL);
        List<StepResult> expected = train(3, config, start).stream()
                .map(trained -> trained.results().get(0))
                .toList();
        List<Throwable> failures;
        try (Ranks ranks = new Ranks(3)) {
            List<Replayed> replayed = ranks.all(1, RingSettings.DEFAULT, ring -> {
                try (ModelSession session = ModelSession.open(config, start, line -> {})) {
                    session.reduceOver(new Watched(ring, sum -> {
                        if (ring.rank() == rank && sum == 3) {
                            end.accept(ring);
                        }
                    }));
                    Throwable failure = catchThrowable(() -> session.computeGradients(1, lanes(1, ring), LANES));
                    session.discard();
                    RingCollective next = ranks.ring(2, ring.rank(), RingSettings.DEFAULT);
                    try (next) {
                        next.connect(Ranks.PATIENCE);
                        session.reduceOver(next);
                        return new Replayed(failure, session.computeGradients(1, lanes(1, next), LANES));
                    }
                }
            });
            assertThat(replayed).extracting(Replayed::result).isEqualTo(expected);
            failures = replayed.stream().map(Replayed::failure).toList();
        }
        return failures;
    }

    private record Replayed(Throwable failure, StepResult result) {}

    @Test
    void aStepThatEndsBetweenTwoLanesHasSummedNothing() throws Exception {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint start = run.fresh();
        RunConfig config = run.config("fp32", GradientCheckpointing.FALSE, SMALL);
        try (Ranks ranks = new Ranks(2)) {
            assertThat(ranks.all(1, RingSettings.DEFAULT, ring -> {
                        try (ModelSession session = ModelSession.open(config, start, line -> {})) {
                            Watched watched = new Watched(ring, sum -> {});
                            session.reduceOver(watched);
                            int[] asked = new int[1];
                            session.endWhere(() -> asked[0]++ > 0);
                            List<LaneBatch> two = List.of(TinyRun.batch(1, 0), TinyRun.batch(1, 1));
                            assertThat(catchThrowable(() -> session.computeGradients(1, two, 4)))
                                    .isInstanceOf(CollectiveAbortedException.class)
                                    .hasMessageContaining("before lane 1");
                            return watched.sums;
                        }
                    }))
                    .allSatisfy(sums -> assertThat(sums).isEmpty());
        }
    }

    /** Trains some steps, with the lanes dealt out to ranks. */
    private static List<Trained> train(int worldSize, RunConfig config, Checkpoint start) throws Exception {
        try (Ranks ranks = new Ranks(worldSize)) {
            return ranks.all(1, RingSettings.DEFAULT, ring -> {
                Watched watched = new Watched(ring, sum -> {});
                try (ModelSession session = ModelSession.open(config, start, line -> {})) {
                    session.reduceOver(worldSize == 1 ? null : watched);
                    List<StepResult> results = new ArrayList<>();
                    Map<String, List<Float>> moments = Map.of();
                    for (int step = 1; step <= STEPS; step++) {
                        results.add(session.computeGradients(step, lanes(step, ring), LANES));
                        session.apply(step);
                        if (step == 1) {
                            moments = moments((HostSnapshot) session.snapshot());
                        }
                    }
                    return new Trained(results, moments, watched);
                }
            });
        }
    }

    private static List<LaneBatch> lanes(long step, Collective ring) {
        return IntStream.range(0, LANES)
                .filter(lane -> lane % ring.worldSize() == ring.rank())
                .mapToObj(lane -> TinyRun.batch(step, lane))
                .toList();
    }

    private static Map<String, List<Float>> moments(HostSnapshot snapshot) {
        Map<String, List<Float>> moments = new TreeMap<>();
        snapshot.expAvg().forEach((name, tensor) -> {
            float[] values = tensor.values();
            moments.put(
                    name,
                    IntStream.range(0, values.length).mapToObj(i -> values[i]).toList());
        });
        return moments;
    }

    /** Norm of the difference over the norm. */
    private static double distance(Map<String, List<Float>> these, Map<String, List<Float>> those) {
        assertThat(these.keySet()).isEqualTo(those.keySet());
        double difference = 0;
        double norm = 0;
        for (String name : these.keySet()) {
            for (int i = 0; i < these.get(name).size(); i++) {
                difference += Math.pow(these.get(name).get(i) - those.get(name).get(i), 2);
                norm += Math.pow(those.get(name).get(i), 2);
            }
        }
        assertThat(norm).isPositive();
        return Math.sqrt(difference / norm);
    }

    private static Percentage percent(double percent) {
        return Percentage.withPercentage(percent);
    }
}

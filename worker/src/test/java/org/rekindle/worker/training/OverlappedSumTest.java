package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rekindle.worker.collectives.Collective;
import org.rekindle.worker.collectives.CollectiveAbortedException;
import org.rekindle.worker.collectives.Ranks;
import org.rekindle.worker.collectives.RingSettings;

@Timeout(60)
class OverlappedSumTest {

    private static final int BUCKET = 3 * Float.BYTES;

    private final ByteBuffer five = Ranks.direct(1, 2, 3, 4, 5);
    private final ByteBuffer two = Ranks.direct(6, 7);

    private static Map<String, List<ByteBuffer>> segments(ByteBuffer out, ByteBuffer in) {
        Map<String, List<ByteBuffer>> segments = new LinkedHashMap<>();
        segments.put("out", List.of(out));
        segments.put("in", List.of(in));
        return segments;
    }

    @Test
    void aRankThatIsToldOfNoSegmentSumsTheSameBuckets() throws Exception {
        try (Ranks ranks = new Ranks(2)) {
            List<float[]> sums = ranks.all(1, RingSettings.DEFAULT, ring -> {
                List<ByteBuffer> data = List.of(Ranks.direct(1, 2, 3, 4, 5), Ranks.direct(6, 7));
                try (OverlappedSum sum = new OverlappedSum(ring, segments(data.get(0), data.get(1)), BUCKET)) {
                    if (ring.rank() == 0) {
                        sum.done("out");
                        sum.done("in");
                    }
                    sum.await();
                }
                return Ranks.values(data);
            });

            assertThat(sums).allSatisfy(sum -> assertThat(sum).containsExactly(2, 4, 6, 8, 10, 12, 14));
        }
    }

    @Test
    void aFullBucketGoesWhileTheRestIsNotFinal() throws Exception {
        CountDownLatch first = new CountDownLatch(1);
        FakeCollective collective = new FakeCollective() {
            @Override
            public void allReduceSum(List<ByteBuffer> data) {
                assertThat(Ranks.values(data)).containsExactly(1, 2, 3);
                first.countDown();
            }
        };
        try (OverlappedSum sum = new OverlappedSum(collective, segments(five, two), BUCKET)) {
            sum.done("out");
            first.await();
        }
    }

    @Test
    void whatFailedIsThrownByTheNextSegment() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        FakeCollective collective = new FakeCollective() {
            @Override
            public void allReduceSum(List<ByteBuffer> data) {
                ended.countDown();
                throw new CollectiveAbortedException(3, "over");
            }
        };
        try (OverlappedSum sum = new OverlappedSum(collective, segments(five, two), BUCKET)) {
            sum.done("out");
            ended.await();
            assertThatThrownBy(() -> {
                        sum.done("in"); // may come before the thread has ended its call
                        sum.await();
                    })
                    .isInstanceOf(CollectiveAbortedException.class)
                    .hasMessageContaining("over");
        }
    }

    @Test
    void aStepThatFailsHereAbortsTheSumThatRunsAndLeavesTheGradientsAlone() {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch aborted = new CountDownLatch(1);
        AtomicBoolean over = new AtomicBoolean();
        FakeCollective collective = new FakeCollective() {
            @Override
            public void allReduceSum(List<ByteBuffer> data) {
                running.countDown();
                awaitUninterruptibly(aborted);
                over.set(true);
                throw new CollectiveAbortedException(0, "abort was called");
            }

            @Override
            public void abort() {
                aborted.countDown();
            }
        };
        assertThatThrownBy(() -> {
                    try (OverlappedSum sum = new OverlappedSum(collective, segments(five, two), BUCKET)) {
                        sum.done("out");
                        awaitUninterruptibly(running);
                        throw new IllegalStateException("the lane failed");
                    }
                })
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the lane failed");
        assertThat(over).isTrue();
    }

    @Test
    void anInterruptOfTheTrainingThreadEndsTheWait() throws Exception {
        try (Ranks ranks = new Ranks(2)) {
            CountDownLatch seen = new CountDownLatch(1);
            ranks.all(1, RingSettings.DEFAULT, ring -> {
                if (ring.rank() == 1) {
                    seen.await(); // sums nothing
                    return null;
                }
                try (OverlappedSum sum = new OverlappedSum(ring, segments(five, two), BUCKET)) {
                    Thread.currentThread().interrupt();
                    assertThatThrownBy(sum::await).isInstanceOf(CollectiveAbortedException.class);
                    assertThat(Thread.interrupted()).isTrue();
                } finally {
                    seen.countDown();
                }
                return null;
            });
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Rank 0 of one that sums nothing. */
    private static class FakeCollective implements Collective {
        @Override
        public int rank() {
            return 0;
        }

        @Override
        public int worldSize() {
            return 1;
        }

        @Override
        public void connect(Duration timeout) {}

        @Override
        public double[] gather(double own) {
            return new double[] {own};
        }

        @Override
        public void allReduceSum(List<ByteBuffer> data) {}

        @Override
        public void reduceScatter(List<List<ByteBuffer>> parts) {}

        @Override
        public void allGather(List<List<ByteBuffer>> parts) {}

        @Override
        public void broadcast(int root, List<ByteBuffer> data) {}

        @Override
        public void abort() {}

        @Override
        public void close() {}
    }
}

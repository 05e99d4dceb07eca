package org.rekindle.worker.collectives;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.data.UserException;

/** The calls of NCCL, and what follows from its results; with a fake of NCCL and of the driver, on host memory. */
@Timeout(60)
class NcclCollectiveTest {

    private static final Duration SHORT = Duration.ofSeconds(1);

    @TempDir
    private static Path folder;

    private static FakeNccl fake;

    @BeforeAll
    static void compile() throws InterruptedException {
        fake = FakeNccl.compile(folder);
    }

    @BeforeEach
    void reset() {
        FakeNccl.required(fake).reset();
    }

    @Test
    void allRanksGetTheIdOfRankZeroAndAConfigurationThatDoesNotBlock() throws Exception {
        each(2, nccl -> {});
        String rest = "init ranks 2 id 1 size 24 magic cafebeef version 21400 blocking 0";
        assertThat(fake.calls())
                .containsOnlyOnce("id 1", "0 " + rest, "1 " + rest)
                .containsOnlyOnce("0 finalize", "0 destroy", "1 finalize", "1 destroy");
    }

    @Test
    void whatIsInProgressIsPolled() throws Exception {
        fake.answers("ncclCommInitRankConfig", 0, 7).answers("state", 0, 7, 7, 0);
        fake.answers("ncclGroupEnd", -1, 7).answers("cuStreamQuery", -1, 600, 600, 0);
        fake.answers("ncclCommFinalize", 1, 7).answers("state", 1, 7, 7, 0);
        each(2, nccl -> nccl.allReduceSum(List.of(Ranks.direct(1f))));
        assertThat(fake.left()).isZero();
        assertThat(fake.calls()).doesNotContain("0 abort", "1 abort");
    }

    @Test
    void aSumTakesEachBufferFromPositionToLimitAsOneGroup() throws Exception {
        try (Ranks ranks = new Ranks(2)) {
            List<NcclCollective> all = connected(ranks);
            ByteBuffer middle = Ranks.direct(1, 2, 3, 4);
            middle.position(4).limit(12);
            ByteBuffer empty = Ranks.direct(0);
            all.get(1).allReduceSum(List.of(middle, empty, Ranks.direct(5, 6, 7)));
            all.forEach(NcclCollective::abort);
            all.forEach(NcclCollective::close);

            assertThat(middle.position()).isEqualTo(4);
            assertThat(Ranks.values(List.of(middle.clear()))).containsExactly(1, 4, 6, 4);
            assertThat(fake.calls())
                    .containsSequence(
                            "group",
                            "1 sum 2 type 7 operation 0 in place 1 stream (nil)",
                            "1 sum 3 type 7 operation 0 in place 1 stream (nil)",
                            "end");
        }
    }

    @Test
    void aBroadcastIsOfBytes() throws Exception {
        List<String> texts = new ArrayList<>();
        each(2, nccl -> {
            ByteBuffer data = ByteBuffer.allocateDirect(5).order(ByteOrder.nativeOrder());
            data.position(1);
            nccl.broadcast(1, List.of(data));
            byte[] bytes = new byte[5];
            data.get(0, bytes);
            synchronized (texts) {
                texts.add(new String(bytes).replace('\0', '.'));
            }
        });
        assertThat(texts).containsExactly(".BBBB", ".BBBB");
        assertThat(fake.calls()).contains("0 broadcast 4 type 1 root 1 in place 1 stream (nil)");
    }

    @Test
    void numbersOfTheHostGoOverTheRing() throws Exception {
        List<double[]> all = Collections.synchronizedList(new ArrayList<>());
        each(3, nccl -> all.add(nccl.gather(nccl.rank() + 0.1)));
        assertThat(all).hasSize(3).allSatisfy(numbers -> assertThat(numbers).containsExactly(0.1, 1.1, 2.1));
        assertThat(fake.calls()).noneMatch(call -> call.contains("broadcast"));
    }

    @Test
    void ranksThatAreTogetherSumReduceAndBroadcastEachOthersMemory() throws Exception {
        fake.sumsTogether();
        List<float[]> all = Collections.synchronizedList(new ArrayList<>());
        each(3, nccl -> {
            ByteBuffer first = Ranks.direct(1 + nccl.rank(), 10);
            ByteBuffer second = Ranks.direct(100f * nccl.rank());
            nccl.allReduceSum(List.of(first));
            nccl.reduceScatter(List.of(List.of(), List.of(second), List.of()));
            nccl.broadcast(1, List.of(second));
            all.add(Ranks.values(List.of(first, second)));
        });
        assertThat(all).hasSize(3).allSatisfy(values -> assertThat(values).containsExactly(6, 30, 300));
    }

    @Test
    void partsOfAnySizeAreSummedForAndGivenByTheirRanks() throws Exception {
        try (Ranks ranks = new Ranks(2)) {
            List<NcclCollective> all = connected(ranks);
            ByteBuffer first = Ranks.direct(1, 2, 3);
            ByteBuffer second = Ranks.direct(4f);
            List<List<ByteBuffer>> parts = List.of(List.of(first), List.of(second));
            all.get(1).reduceScatter(parts);
            assertThat(Ranks.values(List.of(first, second))).containsExactly(1, 2, 3, 8);
            all.get(1).allGather(parts);
            assertThat(first.get(0)).isEqualTo((byte) 'A');
            assertThat(second.get(0)).isEqualTo((byte) 'B');
            assertThat(fake.calls())
                    .containsSequence(
                            "group",
                            "1 reduce 3 type 7 operation 0 root 0 in place 1 stream (nil)",
                            "1 reduce 1 type 7 operation 0 root 1 in place 1 stream (nil)",
                            "end",
                            "group",
                            "1 broadcast 12 type 1 root 0 in place 1 stream (nil)",
                            "1 broadcast 4 type 1 root 1 in place 1 stream (nil)",
                            "end");
            assertThatThrownBy(() -> all.get(0).allGather(List.of(List.of(first))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("1 parts for 2 ranks");
            all.forEach(NcclCollective::abort);
            all.forEach(NcclCollective::close);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ncclCommInitRankConfig", "state", "ncclAllReduce", "ncclGroupEnd"})
    void whatNcclReportsToOneRankEndsTheGenerationOnAll(String function) throws Exception {
        waitsForEver(0);
        if (function.equals("state")) {
            fake.answers("ncclCommInitRankConfig", 1, 7);
        }
        fake.answers(function, function.equals("ncclGroupEnd") ? -1 : 1, 5);
        List<Throwable> seen = failures(2);
        assertThat(seen.get(1))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("failed with result 5, invalid usage");
        // A neighbour may see a connection close before the notice comes by: then it is a lost rank.
        assertThat(seen.get(0)).isInstanceOf(CollectiveAbortedException.class);
        assertThat(((CollectiveAbortedException) seen.get(0)).rank()).isEqualTo(1);
        assertThatAllAreAborted(2);
    }

    @Test
    void aGroupThatFailedIsEndedBeforeItIsAborted() throws Exception {
        waitsForEver(1);
        fake.answers("ncclAllReduce", 0, 6);
        List<Throwable> seen = failures(2);
        assertThat(seen.get(0)).isInstanceOf(PeerLostException.class).hasMessageContaining("ncclAllReduce failed");
        List<String> calls = fake.calls();
        assertThat(calls.indexOf("0 abort")).isGreaterThan(calls.indexOf("end"));
    }

    @Test
    void aRemoteErrorWhileTheDeviceWorksIsALostPeer() throws Exception {
        fake.answers("cuStreamQuery", -1, 600, 600).answers("state", 0, 6);
        try (Ranks ranks = new Ranks(2)) {
            List<NcclCollective> all = connected(ranks);
            assertThatThrownBy(() -> all.get(0).allReduceSum(List.of(Ranks.direct(1f))))
                    .isInstanceOf(PeerLostException.class)
                    .hasMessageContaining("ncclAllReduce failed with result 6");
            assertThat(fake.left()).isZero(); // the device was asked once more after the abort
            all.forEach(NcclCollective::close);
        }
    }

    @Test
    void anErrorOfTheDeviceIsToldInItsOwnWords() throws Exception {
        fake.answers("cuStreamQuery", -1, 600, 700);
        try (Ranks ranks = new Ranks(2)) {
            List<NcclCollective> all = connected(ranks);
            assertThatThrownBy(() -> all.get(0).broadcast(0, List.of(Ranks.direct(1f))))
                    .isInstanceOf(UserException.class)
                    .hasMessage("ncclBroadcast: the GPU failed with CUDA's error 700,"
                            + " an illegal memory access was encountered");
            all.forEach(NcclCollective::close);
        }
    }

    @Test
    void anAbortEndsWhatWaitsOnAnyRankAndAllThatFollows() throws Exception {
        fake.alwaysAnswers("state", -1, 7);
        try (Ranks ranks = new Ranks(3)) {
            List<NcclCollective> all = connected(ranks);
            fake.answers("ncclGroupEnd", -1, 7, 7);
            List<Future<Throwable>> waiting = new ArrayList<>();
            for (NcclCollective nccl : all.subList(0, 2)) {
                waiting.add(ranks.start(() -> catchThrowable(() -> nccl.allReduceSum(List.of(Ranks.direct(1f))))));
            }
            await(() -> fake.left() == 0);
            all.get(2).abort();
            for (Throwable seen : Ranks.results(waiting)) {
                assertThat(seen).isInstanceOf(CollectiveAbortedException.class);
            }
            assertThat(fake.calls()).containsOnlyOnce("0 abort", "1 abort").doesNotContain("2 abort");
            assertThatThrownBy(() -> all.get(0).broadcast(0, List.of(Ranks.direct(1f))))
                    .isInstanceOf(CollectiveAbortedException.class);

            all.forEach(NcclCollective::close);
            assertThat(fake.calls()).containsOnlyOnce("0 abort", "1 abort", "2 abort");
        }
    }

    @Test
    void closingInMidOperationAbortsIt() throws Exception {
        fake.alwaysAnswers("state", -1, 7);
        try (Ranks ranks = new Ranks(2)) {
            List<NcclCollective> all = connected(ranks);
            fake.answers("ncclGroupEnd", -1, 7);
            Future<Throwable> waiting =
                    ranks.start(() -> catchThrowable(() -> all.get(0).allReduceSum(List.of(Ranks.direct(1f)))));
            await(() -> fake.left() == 0);
            all.get(0).close();
            assertThat(Ranks.results(List.of(waiting)).get(0)).isInstanceOf(CollectiveAbortedException.class);
            assertThat(fake.calls()).containsOnlyOnce("0 abort").doesNotContain("0 finalize");
            all.get(1).close();
        }
    }

    @Test
    void anInterruptAborts() throws Exception {
        try (Ranks ranks = new Ranks(2)) {
            List<NcclCollective> all = connected(ranks);
            fake.alwaysAnswers("state", 0, 7).answers("ncclGroupEnd", -1, 7);
            Future<Boolean> interrupted = ranks.start(() -> {
                Thread.currentThread().interrupt();
                assertThatThrownBy(() -> all.get(0).allReduceSum(List.of(Ranks.direct(1f))))
                        .isInstanceOf(CollectiveAbortedException.class);
                return Thread.interrupted();
            });
            assertThat(Ranks.results(List.of(interrupted))).containsExactly(true);
            all.forEach(NcclCollective::close);
        }
    }

    @Test
    void aRankThatFallsSilentWhileOthersWaitForNcclIsNamedByTheRing() throws Exception {
        waitsForEver(0);
        try (Ranks ranks = new Ranks(2)) {
            RingCollective silent = ranks.ring(1, 1, new RingSettings(Duration.ofMinutes(10), 0, false));
            RingSettings soon = new RingSettings(Duration.ofSeconds(1), 0, false);
            NcclCollective nccl = new NcclCollective(ranks.ring(1, 0, soon), fake.library(), fake.driver());
            Future<Throwable> waiting = ranks.start(() -> catchThrowable(() -> nccl.connect(Ranks.PATIENCE)));
            silent.connect(Ranks.PATIENCE);
            silent.broadcast(0, List.of(Ranks.direct(NcclUniqueId.BYTES)));
            Throwable seen = Ranks.results(List.of(waiting)).get(0);
            assertThat(seen).isInstanceOf(PeerLostException.class).hasMessageContaining("it was silent");
            assertThat(((PeerLostException) seen).rank()).isEqualTo(1);
            assertThat(fake.calls()).containsOnlyOnce("0 abort");
            nccl.close();
            silent.close();
        }
    }

    @Test
    void aRankThatNcclDoesNotReachInTimeIsLost() throws Exception {
        waitsForEver(-1);
        try (Ranks ranks = new Ranks(2)) {
            List<Future<Throwable>> waiting = new ArrayList<>();
            List<NcclCollective> all = made(ranks, 2);
            waiting.add(ranks.start(() -> catchThrowable(() -> all.get(0).connect(Ranks.PATIENCE))));
            waiting.add(ranks.start(() -> catchThrowable(() -> all.get(1).connect(SHORT))));
            List<Throwable> seen = Ranks.results(waiting);
            assertThat(seen.get(1)).isInstanceOf(PeerLostException.class).hasMessageContaining("longer than 1 s");
            assertThat(seen.get(0)).isInstanceOf(CollectiveAbortedException.class);
            assertThatAllAreAborted(2);
            all.forEach(NcclCollective::close);
        }
    }

    @Test
    void aFarewellThatFailsIsAnAbort() throws Exception {
        fake.answers("ncclCommFinalize", 0, 2);
        each(2, nccl -> {});
        assertThat(fake.calls()).containsOnlyOnce("0 finalize", "0 abort").doesNotContain("0 destroy");
    }

    @Test
    void oneRankAloneNeedsNoNccl() throws Exception {
        each(1, nccl -> nccl.allReduceSum(List.of(Ranks.direct(1f))));
        assertThat(fake.calls()).isEmpty();
    }

    @Test
    void anOperationBeforeConnectingIsAnError() throws Exception {
        try (Ranks ranks = new Ranks(2)) {
            NcclCollective nccl = made(ranks, 2).get(0);
            assertThatThrownBy(() -> nccl.allReduceSum(List.of(Ranks.direct(1f))))
                    .isInstanceOf(IllegalStateException.class);
            nccl.close();
        }
    }

    /** A rank, or all for -1, whose communicator never becomes ready. */
    private static void waitsForEver(int rank) {
        fake.alwaysAnswers("ncclCommInitRankConfig", rank, 7).alwaysAnswers("state", rank, 7);
    }

    private static List<NcclCollective> made(Ranks ranks, int worldSize) {
        List<NcclCollective> all = new ArrayList<>();
        for (int rank = 0; rank < worldSize; rank++) {
            RingCollective ring = ranks.ring(1, rank, RingSettings.DEFAULT);
            all.add(new NcclCollective(ring, fake.library(), fake.driver()));
        }
        return all;
    }

    private static List<NcclCollective> connected(Ranks ranks) throws Exception {
        List<NcclCollective> all = made(ranks, ranks.peers().size());
        List<Future<Void>> connecting = new ArrayList<>();
        for (NcclCollective nccl : all) {
            connecting.add(ranks.start(() -> {
                nccl.connect(Ranks.PATIENCE);
                return null;
            }));
        }
        Ranks.results(connecting);
        return all;
    }

    /** All ranks connect, work and close. */
    private static void each(int worldSize, Consumer<NcclCollective> work) throws Exception {
        try (Ranks ranks = new Ranks(worldSize)) {
            List<Future<Void>> working = new ArrayList<>();
            for (NcclCollective nccl : connected(ranks)) {
                working.add(ranks.start(() -> {
                    try (nccl) {
                        work.accept(nccl);
                    }
                    return null;
                }));
            }
            Ranks.results(working);
        }
    }

    /** What each rank sees that connects, sums for as long as it goes well, and closes. */
    private static List<Throwable> failures(int worldSize) throws Exception {
        try (Ranks ranks = new Ranks(worldSize)) {
            List<Future<Throwable>> working = new ArrayList<>();
            for (NcclCollective nccl : made(ranks, worldSize)) {
                working.add(ranks.start(() -> catchThrowable(() -> {
                    try (nccl) {
                        nccl.connect(Ranks.PATIENCE);
                        while (true) {
                            nccl.allReduceSum(List.of(Ranks.direct(1f)));
                        }
                    }
                })));
            }
            return Ranks.results(working);
        }
    }

    /** Each communicator that there was, once; a rank that hears of a failure before may make none. */
    private static void assertThatAllAreAborted(int worldSize) {
        List<String> calls = fake.calls();
        for (int rank = 0; rank < worldSize; rank++) {
            String its = rank + " ";
            long made =
                    calls.stream().filter(call -> call.startsWith(its + "init")).count();
            assertThat(Collections.frequency(calls, its + "abort")).isEqualTo((int) made);
            assertThat(calls).doesNotContain(its + "destroy");
        }
        assertThat(calls).contains("1 abort");
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            Thread.sleep(5);
        }
    }
}

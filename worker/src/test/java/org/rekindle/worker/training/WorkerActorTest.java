package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.checkpoints.CheckpointFolder;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.coordinator.monitoring.StepMetrics;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.CoordinatorCommand.StepReady;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.coordinator.protocol.WorkerCommand.Transfer;
import org.rekindle.coordinator.protocol.WorkerState;
import org.rekindle.coordinator.steps.Coordinator;
import org.rekindle.coordinator.steps.Lead;
import org.rekindle.coordinator.steps.RunPlan;
import org.rekindle.coordinator.steps.RunStart;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.worker.collectives.Backend;
import org.rekindle.worker.collectives.RingListener;
import org.rekindle.worker.collectives.RingSettings;

/** A worker between a coordinator and its training thread. No checkpoint is taken here. */
@Timeout(60)
class WorkerActorTest {

    private static final Map<Integer, LaneCursor> CURSORS = Map.of(0, LaneCursor.START, 1, LaneCursor.START);
    private static final TrainerState START = new TrainerStates(2, 2, 0, "").at(0, CURSORS, null);

    private static ActorTestKit kit;

    @TempDir
    Path folder;

    private final List<FakeSession> sessions = new CopyOnWriteArrayList<>();

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(ConfigFactory.parseString("pekko.actor.testkit.typed.single-expect-default = 20s")
                .withFallback(ConfigFactory.load()));
    }

    @AfterAll
    static void stop() {
        kit.shutdownTestKit();
    }

    private ActorRef<WorkerActor.Command> worker(
            ActorRef<CoordinatorCommand> coordinator, FakeFeeds feeds, FakeSession session, ActorRef<Outcome> owner) {
        return worker(
                coordinator,
                feeds,
                new OpenedSession(session, START),
                new WorkerRing(null, RingSettings.DEFAULT, Backend.RING::over),
                owner);
    }

    private ActorRef<WorkerActor.Command> worker(
            ActorRef<CoordinatorCommand> coordinator,
            FakeFeeds feeds,
            OpenedSession session,
            WorkerRing ring,
            ActorRef<Outcome> owner) {
        WorkerLanes lanes = new WorkerLanes(feeds);
        return kit.spawn(WorkerActor.create(
                coordinator,
                START,
                lanes,
                0,
                ring,
                worker -> TrainingThread.create(
                        worker,
                        () -> session,
                        lanes,
                        ring,
                        new CheckpointWriter(null, List.of(), Runnable::run),
                        new TrainerStates(2, 2, 0, "")),
                owner));
    }

    /** The worker joins and is answered. */
    private static ActorRef<WorkerCommand> joined(TestProbe<CoordinatorCommand> coordinator) {
        CoordinatorCommand.Join join = coordinator.expectMessageClass(CoordinatorCommand.Join.class);
        join.worker().tell(new WorkerCommand.Joined(coordinator.getRef()));
        return join.worker();
    }

    /** The same of a worker that nobody asks how it ended. */
    private ActorRef<WorkerCommand> joined(
            TestProbe<CoordinatorCommand> coordinator, FakeFeeds feeds, FakeSession session) {
        worker(
                coordinator.getRef(),
                feeds,
                session,
                kit.<Outcome>createTestProbe().getRef());
        return joined(coordinator);
    }

    private FakeSession session() {
        FakeSession session = new FakeSession(START);
        sessions.add(session);
        return session;
    }

    private static WorkerCommand.Assignment assignment(long generation, long committed, LaneCursor at, int... lanes) {
        List<Integer> own = new ArrayList<>();
        for (int lane : lanes) {
            own.add(lane);
        }
        return new WorkerCommand.Assignment(
                generation, 0, 2, own, 2, committed, Map.of(0, at, 1, at), false, false, List.of(""), Transfer.NONE, 0);
    }

    @Test
    void aWorkerJoinsWithTheStepWhoseWeightsItHasLoaded() {
        TestProbe<CoordinatorCommand> coordinator = kit.createTestProbe();
        TrainerState newer = new TrainerStates(2, 2, 0, "")
                .at(6, Map.of(0, new LaneCursor(1, 0, 9, 0, 0), 1, LaneCursor.START), null);
        worker(
                coordinator.getRef(),
                new FakeFeeds(),
                new OpenedSession(session(), newer),
                new WorkerRing(null, RingSettings.DEFAULT, Backend.RING::over),
                kit.<Outcome>createTestProbe().getRef());

        WorkerState state =
                coordinator.expectMessageClass(CoordinatorCommand.Join.class).state();
        assertThat(state).isEqualTo(WorkerState.loaded(6, newer.cursors()));
    }

    @Test
    void anAbortedStepIsReplayedWithItsBatchesAndTheLanesOfTheLostWorker() {
        TestProbe<CoordinatorCommand> coordinator = kit.createTestProbe();
        FakeFeeds feeds = new FakeFeeds();
        FakeSession session = session();
        ActorRef<WorkerCommand> worker = joined(coordinator, feeds, session);

        worker.tell(assignment(1, 0, LaneCursor.START, 0));
        assertThat(coordinator.expectMessageClass(StepReady.class).lanes()).containsOnlyKeys(0);
        worker.tell(new WorkerCommand.Abort(1));
        worker.tell(assignment(2, 0, LaneCursor.START, 0, 1));
        StepReady replayed = coordinator.expectMessageClass(StepReady.class);
        assertThat(replayed.generation()).isEqualTo(2);
        assertThat(replayed.lanes()).containsOnlyKeys(0, 1);
        assertThat(feeds.taken).containsExactly("0#0", "0#1", "1#0", "1#1");

        LaneCursor after = replayed.lanes().get(0).after();
        worker.tell(new WorkerCommand.Commit(2, 1, true, Map.of(0, after, 1, after), false, false));
        StepReady next = coordinator.expectMessageClass(StepReady.class);
        assertThat(next.step()).isEqualTo(2);
        assertThat(next.lanes().get(0).before()).isEqualTo(after);
        assertThat(session.trainedOn).containsExactly("0#0", "0#1", "1#0", "1#1");
    }

    @Test
    void aReadyStepIsSaidAgainUntilItIsDecidedAndADecisionThatComesTwiceChangesNothing() {
        TestProbe<CoordinatorCommand> coordinator = kit.createTestProbe();
        FakeSession session = session();
        ActorRef<WorkerCommand> worker = joined(coordinator, new FakeFeeds(), session);
        worker.tell(assignment(1, 0, LaneCursor.START, 0, 1));
        StepReady ready = coordinator.expectMessageClass(StepReady.class);
        coordinator.expectMessage(ready);

        LaneCursor after = ready.lanes().get(0).after();
        WorkerCommand.Commit commit = new WorkerCommand.Commit(1, 1, true, Map.of(0, after, 1, after), false, false);
        worker.tell(commit);
        worker.tell(commit);
        StepReady next = coordinator.expectMessageClass(StepReady.class);
        assertThat(next.step()).isEqualTo(2);
        worker.tell(commit);
        coordinator.expectMessage(next); // again, and nothing before it
        assertThat(session.trainedOn).containsExactly("0#0", "0#1", "1#0", "1#1");
    }

    @Test
    void theLastCheckpointIsSaidAgainUntilTheRunEnds() {
        TestProbe<CoordinatorCommand> coordinator = kit.createTestProbe();
        TestProbe<Outcome> owner = kit.createTestProbe();
        ActorRef<WorkerActor.Command> actor = worker(coordinator.getRef(), new FakeFeeds(), session(), owner.getRef());
        ActorRef<WorkerCommand> worker = joined(coordinator);
        worker.tell(new WorkerCommand.Assignment(
                1, 1, 2, List.of(0), 2, 0, CURSORS, false, true, List.of(""), Transfer.NONE, 0));
        actor.tell(new WorkerActor.CheckpointWritten(0));
        coordinator.expectMessage(new CoordinatorCommand.CheckpointCommitted(0));
        coordinator.expectMessage(new CoordinatorCommand.CheckpointCommitted(0));
        worker.tell(new WorkerCommand.Stop(Outcome.completed(0)));
        owner.expectMessage(Outcome.completed(0));
    }

    @Test
    void theNextGenerationEndsTheWaitForANeighbourThatNeverAnswers() throws Exception {
        try (ServerSocket silent = new ServerSocket(0)) {
            TestProbe<CoordinatorCommand> coordinator = kit.createTestProbe();
            WorkerRing ring =
                    new WorkerRing(RingListener.bind("127.0.0.1", 0, "run"), RingSettings.DEFAULT, Backend.RING::over);
            worker(
                    coordinator.getRef(),
                    new FakeFeeds(),
                    new OpenedSession(session(), START),
                    ring,
                    kit.<Outcome>createTestProbe().getRef());
            ActorRef<WorkerCommand> worker = joined(coordinator);
            Map<Integer, LaneCursor> start = Map.of(0, LaneCursor.START);
            List<String> peers = List.of(ring.address(), "127.0.0.1:" + silent.getLocalPort());
            worker.tell(new WorkerCommand.Assignment(
                    1, 0, 2, List.of(0), 1, 0, start, false, false, peers, Transfer.NONE, 1));
            silent.accept(); // it waits for an answer, and would for half a minute
            worker.tell(new WorkerCommand.Assignment(
                    2, 0, 1, List.of(0), 1, 0, start, false, false, List.of(ring.address()), Transfer.NONE, 2));
            assertThat(coordinator.expectMessageClass(StepReady.class).generation())
                    .isEqualTo(2);
        }
    }

    @Test
    void onlyRankZeroValidates() {
        for (int rank = 0; rank <= 1; rank++) {
            TestProbe<CoordinatorCommand> coordinator = kit.createTestProbe();
            FakeSession session = session();
            session.validateEvery = 1;
            ActorRef<WorkerCommand> worker = joined(coordinator, new FakeFeeds(), session);
            Map<Integer, LaneCursor> start = Map.of(0, LaneCursor.START, 1, LaneCursor.START);
            worker.tell(new WorkerCommand.Assignment(
                    1, rank, 2, List.of(rank), 2, 0, start, false, false, List.of(""), Transfer.NONE, 0));
            LaneCursor after = coordinator
                    .expectMessageClass(StepReady.class)
                    .lanes()
                    .get(rank)
                    .after();
            worker.tell(new WorkerCommand.Commit(1, 1, true, Map.of(0, after, 1, after), false, false));

            if (rank == 0) {
                assertThat(coordinator
                                .expectMessageClass(CoordinatorCommand.Validated.class)
                                .step())
                        .isEqualTo(1);
            }
            assertThat(coordinator.expectMessageClass(StepReady.class).step()).isEqualTo(2);
        }
    }

    @Test
    void aGenerationThatIsAheadOfItsWeightsIsRefused() {
        TestProbe<CoordinatorCommand> coordinator = kit.createTestProbe();
        ActorRef<WorkerCommand> worker = joined(coordinator, new FakeFeeds(), session());
        worker.tell(assignment(4, 9, LaneCursor.START, 0));
        assertThat(coordinator
                        .expectMessageClass(CoordinatorCommand.WorkerFailed.class)
                        .line())
                .contains("weights of step 0", "step 9");
    }

    @Test
    void stopClosesTheSessionOnItsThreadBeforeTheOwnerHears() {
        TestProbe<CoordinatorCommand> coordinator = kit.createTestProbe();
        TestProbe<Outcome> owner = kit.createTestProbe();
        FakeFeeds feeds = new FakeFeeds();
        feeds.stallAt = 0;
        FakeSession session = session();
        ActorRef<WorkerActor.Command> actor = worker(coordinator.getRef(), feeds, session, owner.getRef());
        ActorRef<WorkerCommand> worker = joined(coordinator);
        worker.tell(assignment(1, 0, LaneCursor.START, 0));
        worker.tell(new WorkerCommand.Stop(Outcome.failed("a line")));
        owner.expectMessage(Outcome.failed("a line"));
        assertThat(session.closed).isTrue();
        owner.expectTerminated(actor);
    }

    @Test
    void twoWorkersOfWhichOneDiesTrainOnEachExampleOnce() throws Exception {
        CountDownLatch tenSteps = new CountDownLatch(10);
        CountDownLatch thirtySteps = new CountDownLatch(30);
        StepListener progress = new StepListener() {
            @Override
            public void committed(StepMetrics metrics) {
                tenSteps.countDown();
                thirtySteps.countDown();
            }
        };
        ActorRef<CoordinatorCommand> coordinator = kit.spawn(Coordinator.create(
                new Lead(
                        0,
                        new RunPlan(2, 1_000_000, 1_000_000, 2),
                        Map.of(),
                        () -> Ledger.open(folder.resolve("ledger.jsonl")),
                        CheckpointFolder.open(folder, null),
                        new Lead.Reporting(2, step -> 0, Double.NaN, List.of(progress)),
                        Lead.Nodes.NONE,
                        () -> {}),
                RunStart.at(0, CURSORS)));
        TestProbe<Outcome> owner = kit.createTestProbe();
        FakeSession survivor = paced(session());
        FakeSession victim = paced(session());
        worker(coordinator, new FakeFeeds(), survivor, owner.getRef());
        ActorRef<WorkerActor.Command> dying = worker(coordinator, new FakeFeeds(), victim, owner.getRef());
        tenSteps.await();
        kit.stop(dying, Duration.ofSeconds(10));
        thirtySteps.await();
        coordinator.tell(new CoordinatorCommand.WorkerFailed("enough"));
        owner.expectMessage(Outcome.failed("enough"));

        List<String> both = new ArrayList<>(survivor.trainedOn);
        both.addAll(victim.trainedOn);
        assertThat(both).doesNotHaveDuplicates();
        assertThat(survivor.trainedOn).anyMatch(key -> key.startsWith("0#")).anyMatch(key -> key.startsWith("1#"));
        // The victim may die between the decision of a step and its own part of it, two examples of its lane. The
        // sessions of this test
        // reduce nothing; in a real run the survivor's gradients hold that part.
        List<String> decided = IntStream.range(0, 2 * 29)
                .boxed()
                .flatMap(i -> Stream.of("0#" + i, "1#" + i))
                .toList();
        assertThat(decided.stream().filter(key -> !both.contains(key)).count()).isIn(0L, 2L);
        assertLanesAreGapless(folder.resolve("ledger.jsonl"));
    }

    private static void assertLanesAreGapless(Path ledger) throws IOException {
        JsonNode before = null;
        for (String line : Files.readAllLines(ledger)) {
            JsonNode lanes = new ObjectMapper().readTree(line).get("lanes");
            if (lanes == null) {
                continue; // a generation
            }
            for (String lane : List.of("0", "1")) {
                if (before != null) {
                    assertThat(lanes.get(lane).get(0))
                            .isEqualTo(before.get(lane).get(1));
                }
            }
            before = lanes;
        }
    }

    /** One step takes 5 ms, so that the listeners keep up. */
    private static FakeSession paced(FakeSession session) {
        session.millisPerStep = 5;
        return session;
    }
}

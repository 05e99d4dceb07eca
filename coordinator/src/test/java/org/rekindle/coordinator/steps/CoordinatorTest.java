package org.rekindle.coordinator.steps;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.jackson.JacksonCborSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.checkpoints.CheckpointFolder;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.coordinator.monitoring.StepMetrics;
import org.rekindle.coordinator.protocol.ControlMessage;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.EnterAnswer;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.protocol.RunView;
import org.rekindle.coordinator.protocol.StepStages;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.coordinator.protocol.WorkerState;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.lanes.StageCounts;

class CoordinatorTest {

    private static ActorTestKit kit;

    @TempDir
    Path folder;

    private final List<StepMetrics> metrics = new CopyOnWriteArrayList<>();
    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final StepListener listener = new StepListener() {
        @Override
        public void committed(StepMetrics step) {
            metrics.add(step);
        }

        @Override
        public void message(String line) {
            lines.add(line);
        }
    };

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(ConfigFactory.parseString("pekko.actor.testkit.typed.single-expect-default = 20s")
                .withFallback(ConfigFactory.load()));
    }

    @AfterAll
    static void stop() {
        kit.shutdownTestKit();
    }

    private static LaneCursor at(int offset) {
        return new LaneCursor(0, 0, 0, 0, offset);
    }

    private static Map<Integer, LedgerEntry.Range> ranges(List<Integer> lanes, int offset) {
        return lanes.stream()
                .collect(Collectors.toMap(lane -> lane, lane -> new LedgerEntry.Range(at(offset), at(offset + 1))));
    }

    private static final StageCounts COUNTS = new StageCounts(
            new StageCounts.Stage(100, 2000, 1.5, 3, 2),
            new StageCounts.Stage(90, 1800, 2.5, 4, 6),
            new StageCounts.Stage(10, 9000, 0.5, 1, 2),
            new StageCounts.Losses(1, 2, Map.of("score<=5", 7L), 3, 1),
            0.25,
            20);

    private static CoordinatorCommand.StepReady ready(WorkerCommand.Assignment assigned, long step) {
        return new CoordinatorCommand.StepReady(
                assigned.generation(),
                step,
                assigned.rank(),
                3.0,
                0.5,
                true,
                ranges(assigned.lanes(), (int) step - 1),
                new StepStages(0.1, 0.2, 0.1, COUNTS));
    }

    private ActorRef<CoordinatorCommand> coordinator(int workers, Path ledger, StepListener... listeners) {
        Lead lead = new Lead(
                0,
                new RunPlan(2, 100, 3, workers),
                Map.of("system.batch_size", "8"),
                () -> Ledger.open(ledger),
                CheckpointFolder.open(folder, null),
                new Lead.Reporting(8, step -> step * 0.1, Double.NaN, List.of(listeners)),
                Lead.Nodes.NONE,
                () -> {});
        return kit.spawn(Coordinator.create(lead, RunStart.at(0, Map.of(0, LaneCursor.START, 1, LaneCursor.START))));
    }

    private static CoordinatorCommand.Join join(TestProbe<WorkerCommand> worker, int node) {
        return new CoordinatorCommand.Join(worker.getRef(), node, "", WorkerState.loaded(0, Map.of()));
    }

    private static WorkerCommand.Assignment assignment(TestProbe<WorkerCommand> worker) {
        worker.expectMessageClass(WorkerCommand.Joined.class);
        return worker.expectMessageClass(WorkerCommand.Assignment.class);
    }

    @Test
    void everyMessageTravelsAsCbor() {
        TestProbe<WorkerCommand> worker = kit.createTestProbe();
        Map<Integer, LaneCursor> cursors = Map.of(0, new LaneCursor(1, 2, 3, 4, 5), 17, LaneCursor.START);
        List<ControlMessage> messages = List.of(
                new CoordinatorCommand.Join(worker.getRef(), 1, "host:1", new WorkerState(3, 9, true, 10, cursors)),
                new CoordinatorCommand.Leave(worker.getRef(), "SIGTERM", 30),
                new CoordinatorCommand.StepReady(
                        3,
                        7,
                        1,
                        Double.NaN,
                        Double.POSITIVE_INFINITY,
                        false,
                        ranges(List.of(0, 17), 4),
                        new StepStages(0.5, 1.5, 0.25, COUNTS)),
                new CoordinatorCommand.Validated(12, 0.25),
                new CoordinatorCommand.CheckpointCommitted(12),
                new CoordinatorCommand.WorkerFailed("shard a.tar is missing"),
                new CoordinatorCommand.Drain("SIGUSR1", 120),
                new CoordinatorCommand.SaveNow("POST /checkpoint"),
                new CoordinatorCommand.Look(kit.<RunView>createTestProbe().getRef()),
                new RunView(
                        "running",
                        9,
                        100,
                        144,
                        Double.NaN,
                        0.5,
                        Double.NaN,
                        3,
                        7,
                        Map.of("generation", 3L),
                        List.of(new RunView.Worker(-1, 1, "host:1", List.of(0), -1, Double.NaN, 0.5, 0, "data")),
                        cursors,
                        List.of(new RunView.Event(1, "2026-11-25T15:00:00Z", "a line"))),
                new WorkerCommand.Assignment(
                        2,
                        1,
                        3,
                        List.of(1, 4),
                        6,
                        9,
                        cursors,
                        true,
                        false,
                        List.of("host:1", "host:2"),
                        new WorkerCommand.Transfer(0, List.of(1), "step_00000009"),
                        -7),
                new WorkerCommand.Joined(
                        kit.<CoordinatorCommand>createTestProbe().getRef()),
                new CoordinatorCommand.Enter(
                        1,
                        2,
                        Map.of("system.batch_size", "8"),
                        kit.<EnterAnswer>createTestProbe().getRef()),
                new CoordinatorCommand.CollectiveLost(3, 1, "rank 1 is lost"),
                new EnterAnswer.Welcome("run/checkpoints/step_00000010"),
                new EnterAnswer.Refused("no"),
                new WorkerCommand.Commit(2, 10, false, cursors, true, true),
                new WorkerCommand.Abort(2),
                new WorkerCommand.Stop(Outcome.drained(10)));

        for (ControlMessage message : messages) {
            assertThat(SerializationExtension.get(kit.system()).findSerializerFor(message))
                    .isInstanceOf(JacksonCborSerializer.class);
            assertThat(kit.serializationTestKit().verifySerialization(message, false))
                    .isEqualTo(message);
        }
        assertThat(messages.stream().map(Object::getClass).distinct())
                .as("all there are")
                .hasSize(CoordinatorCommand.class.getPermittedSubclasses().length
                        - 1 // what a coordinator tells itself
                        + 1 // a view of the run
                        + WorkerCommand.class.getPermittedSubclasses().length
                        + EnterAnswer.class.getPermittedSubclasses().length);
    }

    @Test
    void theListenersHearOfAValidation() {
        List<String> heard = new CopyOnWriteArrayList<>();
        TestProbe<String> told = kit.createTestProbe();
        ActorRef<CoordinatorCommand> coordinator = coordinator(1, folder.resolve("ledger.jsonl"), new StepListener() {
            @Override
            public void validated(long step, double loss) {
                heard.add(step + ": " + loss);
                told.getRef().tell("heard");
            }
        });

        coordinator.tell(new CoordinatorCommand.Validated(12, 0.25));

        told.expectMessage("heard");
        assertThat(heard).containsExactly("12: 0.25");
    }

    @Test
    void aStepIsInTheLedgerBeforeTheWorkersHearOfItsCommit() {
        Path ledger = folder.resolve("ledger.jsonl");
        ActorRef<CoordinatorCommand> coordinator = coordinator(2, ledger, listener);
        TestProbe<WorkerCommand> first = kit.createTestProbe();
        TestProbe<WorkerCommand> second = kit.createTestProbe();
        coordinator.tell(join(first, 1));
        coordinator.tell(join(second, 2));
        WorkerCommand.Assignment one = assignment(first);
        WorkerCommand.Assignment two = assignment(second);

        for (int step = 1; step <= 3; step++) {
            coordinator.tell(ready(one, step));
            coordinator.tell(ready(one, step));
            coordinator.tell(ready(two, step));
            WorkerCommand.Commit commit = first.expectMessageClass(WorkerCommand.Commit.class);
            assertThat(lines(ledger)).as("its generation and its steps").hasSize(1 + step);
            assertThat(second.expectMessageClass(WorkerCommand.Commit.class)).isEqualTo(commit);
            assertThat(commit.cursors()).isEqualTo(Map.of(0, at(step), 1, at(step)));
            assertThat(commit.checkpoint()).isEqualTo(step == 3);
        }
        first.awaitAssert(() -> assertThat(metrics).hasSize(3).last().satisfies(last -> {
            assertThat(last.examplesSeen()).isEqualTo(3 * 2 * 8);
            assertThat(last.stepLoss()).isEqualTo(3.0);
            assertThat(last.lr()).isEqualTo(3 * 0.1);
            assertThat(last.workers()).isEqualTo(2);
        }));
    }

    @Test
    void whatComesAgainAfterTheDecisionIsAnsweredAgainAndCountedOnce() {
        Path ledger = folder.resolve("ledger.jsonl");
        List<Long> saved = new CopyOnWriteArrayList<>();
        ActorRef<CoordinatorCommand> coordinator = coordinator(1, ledger, listener, new StepListener() {
            @Override
            public void saved(long step, double seconds) {
                saved.add(step);
            }
        });
        TestProbe<WorkerCommand> worker = kit.createTestProbe();
        coordinator.tell(join(worker, 1));
        WorkerCommand.Assignment assigned = assignment(worker);
        for (int step = 1; step <= 3; step++) {
            coordinator.tell(ready(assigned, step));
            WorkerCommand.Commit commit = worker.expectMessageClass(WorkerCommand.Commit.class);
            coordinator.tell(ready(assigned, step));
            worker.expectMessage(commit);
        }
        coordinator.tell(new CoordinatorCommand.CheckpointCommitted(3));
        coordinator.tell(new CoordinatorCommand.CheckpointCommitted(3));
        TestProbe<RunView> people = kit.createTestProbe();
        coordinator.tell(new CoordinatorCommand.Look(people.getRef()));

        RunView view = people.expectMessageClass(RunView.class);
        assertThat(view.cursors()).isEqualTo(Map.of(0, at(3), 1, at(3)));
        assertThat(view.events())
                .extracting(RunView.Event::line)
                .filteredOn(line -> line.startsWith("checkpoint"))
                .hasSize(1);
        assertThat(saved).containsExactly(3L);
        assertThat(metrics).extracting(StepMetrics::step).containsExactly(1L, 2L, 3L);
        assertThat(lines(ledger)).as("its generation and its steps").hasSize(1 + 3);
    }

    @Test
    void aGenerationHasOneSecretAndTheNextAnother() {
        ActorRef<CoordinatorCommand> coordinator = coordinator(2, folder.resolve("ledger.jsonl"));
        TestProbe<WorkerCommand> survivor = kit.createTestProbe();
        TestProbe<WorkerCommand> victim = kit.createTestProbe();
        coordinator.tell(join(survivor, 1));
        coordinator.tell(join(victim, 2));
        long first = assignment(survivor).secret();
        assertThat(assignment(victim).secret()).isEqualTo(first);
        victim.stop();

        survivor.expectMessage(new WorkerCommand.Abort(1));
        assertThat(survivor.expectMessageClass(WorkerCommand.Assignment.class).secret())
                .isNotEqualTo(first);
        TestProbe<WorkerCommand> ofAnotherRun = kit.createTestProbe();
        ActorRef<CoordinatorCommand> another = coordinator(1, folder.resolve("another.jsonl"));
        another.tell(join(ofAnotherRun, 1));
        assertThat(assignment(ofAnotherRun).secret()).isNotEqualTo(first);
    }

    @Test
    void theDeathOfAWorkerIsSeenAndTheStepReplayed() {
        ActorRef<CoordinatorCommand> coordinator = coordinator(2, folder.resolve("ledger.jsonl"));
        TestProbe<WorkerCommand> survivor = kit.createTestProbe();
        TestProbe<WorkerCommand> victim = kit.createTestProbe();
        coordinator.tell(join(survivor, 1));
        coordinator.tell(join(victim, 2));
        coordinator.tell(ready(assignment(survivor), 1));
        victim.stop();

        survivor.expectMessage(new WorkerCommand.Abort(1));
        WorkerCommand.Assignment replay = survivor.expectMessageClass(WorkerCommand.Assignment.class);
        assertThat(replay.lanes()).containsExactly(0, 1);
        coordinator.tell(ready(replay, 1));
        assertThat(survivor.expectMessageClass(WorkerCommand.Commit.class).step())
                .isEqualTo(1);
    }

    @Test
    void aDrainEndsOnceItsCheckpointIsOnDisk() {
        ActorRef<CoordinatorCommand> coordinator = coordinator(1, folder.resolve("ledger.jsonl"));
        TestProbe<WorkerCommand> worker = kit.createTestProbe();
        coordinator.tell(join(worker, 1));
        WorkerCommand.Assignment assigned = assignment(worker);
        coordinator.tell(new CoordinatorCommand.Drain("SIGTERM", 0));
        coordinator.tell(ready(assigned, 1));
        WorkerCommand.Commit commit = worker.expectMessageClass(WorkerCommand.Commit.class);
        assertThat(commit.checkpoint() && commit.hold()).isTrue();
        coordinator.tell(new CoordinatorCommand.CheckpointCommitted(1));
        worker.expectMessage(new WorkerCommand.Stop(Outcome.drained(1)));
    }

    @Test
    void aDrainThatCannotSaveInTimeLeavesTheRunAtItsNewestCheckpoint() {
        ActorRef<CoordinatorCommand> coordinator = coordinator(1, folder.resolve("ledger.jsonl"), listener);
        TestProbe<WorkerCommand> worker = kit.createTestProbe();
        coordinator.tell(join(worker, 1));
        WorkerCommand.Assignment assigned = assignment(worker);
        coordinator.tell(new CoordinatorCommand.Drain("SIGTERM", 1.5));
        coordinator.tell(ready(assigned, 1));
        assertThat(worker.expectMessageClass(WorkerCommand.Commit.class).checkpoint())
                .isTrue();
        worker.expectMessage(new WorkerCommand.Stop(Outcome.drained(0))); // nobody said that the checkpoint is there
        kit.createTestProbe().awaitAssert(() -> assertThat(lines)
                .anyMatch(line -> line.startsWith(
                        "the run ends at the checkpoint of step 0, without step 1 to 1: the time is over")));
    }

    @Test
    void aDrainThatIsAskedForAgainKeepsItsDeadline() {
        ActorRef<CoordinatorCommand> coordinator = coordinator(1, folder.resolve("ledger.jsonl"), listener);
        TestProbe<WorkerCommand> worker = kit.createTestProbe();
        coordinator.tell(join(worker, 1));
        assignment(worker);
        coordinator.tell(new CoordinatorCommand.Drain("SIGUSR1", 1.5));
        coordinator.tell(new CoordinatorCommand.Drain("SIGUSR1", 600));
        worker.expectMessage(new WorkerCommand.Stop(Outcome.drained(0)));
        kit.createTestProbe().awaitAssert(() -> assertThat(lines)
                .filteredOn(line -> line.startsWith("SIGUSR1"))
                .hasSize(1));
    }

    @Test
    void aFailedWorkerStopsTheRunWithItsLine() {
        ActorRef<CoordinatorCommand> coordinator = coordinator(1, folder.resolve("ledger.jsonl"));
        TestProbe<WorkerCommand> worker = kit.createTestProbe();
        coordinator.tell(join(worker, 1));
        assignment(worker);
        coordinator.tell(new CoordinatorCommand.WorkerFailed("shard a.tar is missing"));
        worker.expectMessage(new WorkerCommand.Stop(Outcome.failed("shard a.tar is missing")));
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aStepThatTheLedgerCannotHoldIsNeverCommitted() {
        ActorRef<CoordinatorCommand> coordinator = coordinator(1, Path.of("/dev/full"), listener);
        TestProbe<WorkerCommand> worker = kit.createTestProbe();
        coordinator.tell(join(worker, 1));
        worker.expectMessageClass(WorkerCommand.Joined.class);
        Outcome outcome = worker.expectMessageClass(WorkerCommand.Stop.class).outcome();
        assertThat(outcome.kind()).isEqualTo(Outcome.Kind.FAILED);
        assertThat(outcome.line()).contains("/dev/full");
        assertThat(metrics).isEmpty();
    }

    @Test
    void aListenerThatCannotWriteStopsTheRunWithItsLine() {
        StepListener full = new StepListener() {
            @Override
            public void committed(StepMetrics step) {
                throw new UserException("metrics.jsonl: no space left");
            }
        };
        ActorRef<CoordinatorCommand> coordinator = coordinator(1, folder.resolve("ledger.jsonl"), full);
        TestProbe<WorkerCommand> worker = kit.createTestProbe();
        coordinator.tell(join(worker, 1));
        coordinator.tell(ready(assignment(worker), 1));
        worker.expectMessageClass(WorkerCommand.Commit.class);
        worker.expectMessage(new WorkerCommand.Stop(Outcome.failed("metrics.jsonl: no space left")));
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

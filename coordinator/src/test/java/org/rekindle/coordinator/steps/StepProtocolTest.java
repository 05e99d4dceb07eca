package org.rekindle.coordinator.steps;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.ledger.LedgerEvent;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.coordinator.protocol.WorkerCommand.Abort;
import org.rekindle.coordinator.protocol.WorkerCommand.Assignment;
import org.rekindle.coordinator.protocol.WorkerCommand.Commit;
import org.rekindle.coordinator.steps.SimulatedRun.Worker;
import org.rekindle.data.lanes.LaneCursor;

class StepProtocolTest {

    /** Every number of the script is one event: whose turn it is and what happens. */
    @Property(tries = 4000)
    void whateverHappensNothingIsLostOrTwice(
            @ForAll @IntRange(min = 1, max = 5) int lanes,
            @ForAll @IntRange(min = 1, max = 4) int workers,
            @ForAll boolean shared,
            @ForAll @Size(max = 300) List<@IntRange(min = 0, max = 2299) Integer> script) {
        RunPlan.Workers any = new RunPlan.Workers(workers, 1, Integer.MAX_VALUE);
        SimulatedRun run = new SimulatedRun(new RunPlan(lanes, 20, 7, any, 10, shared));
        for (int i = 0; i < workers; i++) {
            run.join();
        }
        for (int event : script) {
            int who = event / 23;
            Worker worker = run.living.isEmpty() ? null : run.living.get(who % run.living.size());
            switch (event % 23) {
                case 0 -> run.join();
                case 1 -> run.noticeDeaths();
                case 2 -> run.repeat(who);
                case 3 -> {
                    if (run.staying().size() > 1) {
                        run.kill(run.staying().get(who % run.staying().size()));
                    }
                }
                case 14 -> {
                    if (run.staying().size() > 1) {
                        run.leave(run.staying().get(who % run.staying().size()));
                    }
                }
                case 15 -> run.perform(run.protocol.collectiveLost(who % 5, -1, "the ring broke"));
                case 16 -> run.loseCoordinator(who % 2 == 0);
                case 4 -> worker.finishStep(who % 4 != 0);
                case 5, 6, 7, 8 -> worker.finishStep(true);
                case 9, 10, 11, 12, 13 -> run.deliverOneFrom(worker);
                default -> worker.receiveOne();
            }
        }
        assertThat(run.runToTheEnd(2000)).as("no hang").isTrue();

        run.assertNothingLostOrTwice(lanes);
        assertThat(run.outcome).isEqualTo(Outcome.completed(20));
        assertThat(run.ledger).hasSize(20);
        assertThat(run.checkpoints).contains(20L);
        assertThat(run.living).allSatisfy(worker -> assertThat(worker.stopped).isEqualTo(run.outcome));
    }

    @Property(tries = 100)
    void aDrainEndsWithACheckpointOfTheStepInFlight(@ForAll @IntRange(min = 0, max = 60) int events) {
        SimulatedRun run = new SimulatedRun(new RunPlan(3, 1000, 5, 2));
        Worker first = run.join();
        Worker second = run.join();
        for (int i = 0; i < events; i++) {
            Worker worker = i % 3 == 0 ? first : second;
            worker.receiveOne();
            worker.finishStep(true);
            run.deliverOneFrom(worker);
        }
        int before = run.ledger.size();
        run.perform(run.protocol.drain("SIGTERM"));
        run.perform(run.protocol.drain("SIGTERM"));
        assertThat(run.runToTheEnd(100)).isTrue();

        assertThat(run.ledger).hasSize(before + 1);
        assertThat(run.outcome).isEqualTo(Outcome.drained(before + 1));
        assertThat(run.checkpoints).endsWith(before + 1L);
        run.assertNothingLostOrTwice(3);
    }

    @Property(tries = 100)
    void aDrainInAHurrySavesTheNewestCommittedStep(
            @ForAll @IntRange(min = 0, max = 60) int events, @ForAll boolean shared) {
        RunPlan.Workers two = new RunPlan.Workers(2, 1, Integer.MAX_VALUE);
        SimulatedRun run = new SimulatedRun(new RunPlan(3, 1000, 5, two, 10, shared));
        Worker first = run.join();
        Worker second = run.join();
        for (int i = 0; i < events; i++) {
            Worker worker = i % 3 == 0 ? first : second;
            worker.receiveOne();
            worker.finishStep(true);
            run.deliverOneFrom(worker);
        }
        int before = run.ledger.size();
        run.perform(run.protocol.drain("SIGTERM"));
        run.perform(run.protocol.dropStep("no time"));
        run.perform(run.protocol.dropStep("no time"));
        assertThat(run.runToTheEnd(100)).isTrue();

        assertThat(run.ledger).hasSize(before);
        assertThat(run.outcome).isEqualTo(Outcome.drained(before));
        assertThat(before == 0 || run.checkpoints.contains((long) before)).isTrue();
        run.assertNothingLostOrTwice(3);
    }

    @Test
    void aDrainWithoutTimeKeepsTheNewestCheckpoint() {
        SimulatedRun run = new SimulatedRun(new RunPlan(1, 1000, 2, 1));
        Worker worker = run.join();
        for (int i = 0; i < 3; i++) {
            worker.receiveOne();
            worker.finishStep(true);
            run.deliverOneFrom(worker); // the step, or the checkpoint of step 2
            run.deliverOneFrom(worker);
        }
        assertThat(run.ledger).hasSize(3);
        run.perform(run.protocol.giveUp("not asked to drain"));
        assertThat(run.outcome).isNull();
        run.perform(run.protocol.drain("SIGTERM"));
        run.perform(run.protocol.giveUp("no time"));
        assertThat(run.outcome).isEqualTo(Outcome.drained(2));
    }

    @Test
    void aWorkerLostBeforeItIsReadyMeansThatTheStepIsReplayedFromTheSameCursors() {
        SimulatedRun run = new SimulatedRun(new RunPlan(4, 100, 50, 2));
        Worker survivor = run.join();
        Worker victim = run.join();
        survivor.receiveOne();
        survivor.finishStep(true);
        run.deliverOneFrom(survivor);
        run.kill(victim);
        run.noticeDeaths();

        assertThat(run.ledger).isEmpty();
        assertThat(survivor.inbox).hasSize(2);
        assertThat(survivor.inbox.peekFirst()).isEqualTo(new Abort(1));
        Assignment replay = (Assignment) survivor.inbox.peekLast();
        assertThat(replay.generation()).isEqualTo(2);
        assertThat(replay.committed()).isZero();
        assertThat(replay.lanes()).containsExactly(0, 1, 2, 3);
    }

    @Test
    void aWorkerLostAfterTheDecisionDoesNotTakeTheStepBack() {
        SimulatedRun run = new SimulatedRun(new RunPlan(2, 100, 50, 2));
        Worker survivor = run.join();
        Worker victim = run.join();
        for (Worker worker : List.of(survivor, victim)) {
            worker.receiveOne();
            worker.finishStep(true);
            run.deliverOneFrom(worker);
        }
        run.kill(victim);
        run.noticeDeaths();

        assertThat(run.ledger).hasSize(1);
        while (!survivor.inbox.isEmpty()) {
            survivor.receiveOne();
        }
        assertThat(survivor.weights).isEqualTo(1);
        assertThat(survivor.computing).isEqualTo(2);
        assertThat(survivor.lanes).containsOnlyKeys(0, 1);
    }

    @Test
    void whoMissesTheDecisionIsToldItAgain() {
        SimulatedRun run = new SimulatedRun(new RunPlan(2, 3, 50, 2));
        Worker first = run.join();
        Worker second = run.join();
        for (int step = 1; step <= 3; step++) {
            for (Worker worker : List.of(first, second)) {
                while (!worker.inbox.isEmpty()) {
                    worker.receiveOne();
                }
                worker.finishStep(true);
                run.deliverOneFrom(worker);
            }
            WorkerCommand decision = second.inbox.poll();
            run.repeat(2 * step - 1);
            run.repeat(2 * step - 1);
            assertThat(second.inbox).containsExactly(decision, decision);
        }
        assertThat(run.runToTheEnd(10)).isTrue();
        assertThat(run.ledger).hasSize(3);
        assertThat(second.weights).isEqualTo(3);
        run.assertNothingLostOrTwice(2);
    }

    @Test
    void aJoinerWaitsForTheStepBoundary() {
        SimulatedRun run = new SimulatedRun(new RunPlan(2, 100, 50, 1));
        Worker first = run.join();
        first.receiveOne();
        Worker joiner = run.join();
        assertThat(joiner.inbox).isEmpty();

        first.finishStep(true);
        run.deliverOneFrom(first);
        assertThat(((Commit) first.inbox.peekFirst()).hold()).isTrue();
        Assignment assignment = (Assignment) joiner.inbox.peekFirst();
        assertThat(assignment.committed()).isEqualTo(1);
        assertThat(assignment.rank()).isEqualTo(1);
        assertThat(assignment.lanes()).containsExactly(1);
    }

    @Test
    void moreWorkersThanLanesWaitAsSparesAndStepIn() {
        SimulatedRun run = new SimulatedRun(new RunPlan(1, 100, 50, 1));
        Worker first = run.join();
        Worker spare = run.join();
        first.receiveOne();
        first.finishStep(true);
        run.deliverOneFrom(first);
        assertThat(spare.inbox).isEmpty();

        run.kill(first);
        run.noticeDeaths();
        assertThat(((Assignment) spare.inbox.peekFirst()).lanes()).containsExactly(0);
    }

    @Test
    void oneRankThatIsNotFiniteSkipsTheStepOnAll() {
        SimulatedRun run = new SimulatedRun(new RunPlan(2, 100, 50, 2));
        Worker finite = run.join();
        Worker broken = run.join();
        finite.receiveOne();
        broken.receiveOne();
        finite.finishStep(true);
        broken.finishStep(false);
        run.deliverOneFrom(finite);
        run.deliverOneFrom(broken);

        assertThat(run.ledger).extracting(LedgerEntry::skipped).containsExactly(true);
        assertThat(((Commit) finite.inbox.peekFirst()).apply()).isFalse();
        assertThat(((Commit) broken.inbox.peekFirst()).apply()).isFalse();
    }

    @Test
    void tenSkippedStepsInARowLeaveTheirExamplesOutAndTenMoreEndTheRun() {
        SimulatedRun run = new SimulatedRun(new RunPlan(1, 100, 50, 1));
        Worker worker = run.join();
        worker.receiveOne();
        for (int step = 1; step <= 12; step++) {
            worker.finishStep(step <= 2);
            run.deliverOneFrom(worker);
            worker.receiveOne();
        }
        assertThat(run.outcome).isNull();
        assertThat(run.ledger).isEmpty();
        LedgerEvent rollback = run.events.get(run.events.size() - 2);
        assertThat(rollback.event()).isEqualTo(LedgerEvent.ROLLBACK);
        assertThat(rollback.from()).isEqualTo(12);
        assertThat(rollback.lanes().get(0).before()).isEqualTo(LaneCursor.START);
        assertThat(rollback.lanes().get(0).after().offset()).isEqualTo(12);

        while (!worker.inbox.isEmpty()) {
            worker.receiveOne();
        }
        assertThat(worker.assignment.transfer().checkpoint()).isEqualTo("step_0");
        assertThat(worker.lanes.get(0).offset()).isEqualTo(12);
        for (int step = 1; step <= 10; step++) {
            worker.finishStep(false);
            run.deliverOneFrom(worker);
            worker.receiveOne();
        }
        assertThat(run.outcome.kind()).isEqualTo(Outcome.Kind.FAILED);
        assertThat(run.outcome.line())
                .contains("10 steps in a row, 1 to 10", "lane 0 from", "offset 12)", "offset 22)")
                .doesNotContain("\n");
    }

    @Test
    void nineSkippedStepsAndAGoodOneGoOn() {
        SimulatedRun run = new SimulatedRun(new RunPlan(1, 100, 50, 1));
        Worker worker = run.join();
        worker.receiveOne();
        for (int step = 1; step <= 40; step++) {
            worker.finishStep(step % 10 == 0);
            run.deliverOneFrom(worker);
            worker.receiveOne();
        }
        assertThat(run.outcome).isNull();
        assertThat(run.ledger).hasSize(40);
    }

    @Test
    void theLossOfTheWriterOfTheLastCheckpointLetsAnotherWriteIt() {
        SimulatedRun run = new SimulatedRun(new RunPlan(2, 1, 50, 2));
        Worker writer = run.join();
        Worker other = run.join();
        for (Worker worker : List.of(writer, other)) {
            worker.receiveOne();
            worker.finishStep(true);
            run.deliverOneFrom(worker);
        }
        run.kill(writer);
        assertThat(run.runToTheEnd(10)).isTrue();
        assertThat(run.checkpoints).containsExactly(1L);
        assertThat(run.outcome).isEqualTo(Outcome.completed(1));
    }

    @Test
    void aGenerationThatDoesNotComeTogetherForTheLastCheckpointIsFollowedByAnother() {
        SimulatedRun run = new SimulatedRun(new RunPlan(4, 1, 50, 4));
        List<Worker> workers = List.of(run.join(), run.join(), run.join(), run.join());
        for (Worker worker : workers) {
            worker.receiveOne();
            worker.finishStep(true);
            run.deliverOneFrom(worker);
        }
        run.perform(run.protocol.collectiveLost(1, -1, "late"));
        run.kill(workers.get(3));
        run.noticeDeaths();
        assertThat(run.protocol.generation()).as("worker 0 writes alone").isEqualTo(1);
        run.kill(workers.get(0));
        run.noticeDeaths();
        run.perform(run.protocol.collectiveLost(2, -1, "the ring broke"));
        assertThat(run.protocol.generation()).isEqualTo(3);
        run.kill(workers.get(2));
        run.noticeDeaths();

        Assignment last = (Assignment) workers.get(1).inbox.peekLast();
        assertThat(last.generation()).isEqualTo(4);
        assertThat(last.workers()).isEqualTo(1);
        assertThat(last.checkpoint() && last.hold()).isTrue();
        assertThat(run.runToTheEnd(10)).isTrue();
        assertThat(run.outcome).isEqualTo(Outcome.completed(1));
    }

    @Test
    void whoIsStillWritingWhenAnotherOneBecomesTheWriterIsLeftBehindAndTheOtherSaves() {
        SimulatedRun run = new SimulatedRun(new RunPlan(3, 100, 5, 3));
        Worker first = run.join();
        Worker second = run.join();
        Worker third = run.join();
        run.kill(first);
        run.kill(second);
        run.noticeDeaths();
        while (run.ledger.size() < 5) {
            third.receiveOne();
            third.finishStep(true);
            run.deliverOneFrom(third);
        }
        third.receiveOne();
        Object slow = third.outbox.poll();
        Worker returned = run.join();
        third.finishStep(true);
        run.deliverOneFrom(third);
        returned.receiveOne();
        assertThat(returned.assignment.rank()).isZero();

        third.outbox.add(slow);
        run.deliverOneFrom(third);
        assertThat(run.checkpoints).isEmpty();
        for (int i = 0; i < 4; i++) {
            for (Worker worker : List.of(returned, third)) {
                worker.receiveOne();
                worker.finishStep(true);
                run.deliverOneFrom(worker);
            }
        }
        assertThat(run.checkpoints).startsWith(7L);
    }

    @Test
    void theLossOfAllWorkersEndsTheRunWithALine() {
        SimulatedRun run = new SimulatedRun(new RunPlan(1, 10, 50, 1));
        run.kill(run.join());
        run.noticeDeaths();
        assertThat(run.outcome.kind()).isEqualTo(Outcome.Kind.FAILED);
        assertThat(run.outcome.line()).contains("all workers were lost");
    }

    @Test
    void aRunThatIsAlreadyAtItsLastStepIsComplete() {
        SimulatedRun run = new SimulatedRun(new RunPlan(1, 0, 50, 1));
        assertThat(run.join().inbox).hasSize(1);
        assertThat(run.outcome).isEqualTo(Outcome.completed(0));
    }

    @Test
    void whoJoinsAfterTheEndIsToldSo() {
        SimulatedRun run = new SimulatedRun(new RunPlan(1, 10, 50, 2));
        run.perform(run.protocol.drain("SIGINT"));
        assertThat(run.outcome).isEqualTo(Outcome.drained(0));
        Worker late = run.join();
        late.receiveOne();
        assertThat(late.stopped).isEqualTo(run.outcome);
    }

    @Test
    void examplesThatAreNotNextInTheirLaneEndTheRun() {
        SimulatedRun run = new SimulatedRun(new RunPlan(1, 10, 50, 1));
        Worker worker = run.join();
        worker.receiveOne();
        worker.lanes.replaceAll((lane, at) -> new LaneCursor(0, 0, 0, 0, 5));
        worker.finishStep(true);
        run.deliverOneFrom(worker);
        assertThat(run.ledger).isEmpty();
        assertThat(run.outcome.line()).contains("not the next of its lanes");
    }

    @Test
    void itsMemoryDoesNotGrowWithTheSteps() throws IllegalAccessException {
        SimulatedRun run = new SimulatedRun(new RunPlan(3, 3000, 7, 2));
        run.join();
        run.join();
        assertThat(run.runToTheEnd(20_000)).isTrue();
        assertThat(run.ledger).hasSize(3000);
        for (Field field : StepProtocol.class.getDeclaredFields()) {
            field.setAccessible(true);
            Object value = field.get(run.protocol);
            int size = value instanceof Collection<?> collection
                    ? collection.size()
                    : value instanceof Map<?, ?> map ? map.size() : 0;
            assertThat(size).as(field.getName()).isLessThanOrEqualTo(3);
        }
    }
}

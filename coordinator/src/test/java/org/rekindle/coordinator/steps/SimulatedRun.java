package org.rekindle.coordinator.steps;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.ledger.LedgerEvent;
import org.rekindle.coordinator.ledger.LedgerTail;
import org.rekindle.coordinator.membership.Roster;
import org.rekindle.coordinator.protocol.CoordinatorCommand.StepReady;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.protocol.StepStages;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.coordinator.protocol.WorkerState;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.lanes.StageCounts;

/**
 * A {@link StepProtocol} with simulated workers, each with its own queues in both directions: the script decides who acts when. A
 * worker's weights are the number of steps it has applied or skipped; a joiner takes those of its assignment.
 */
final class SimulatedRun {

    final List<LedgerEntry> ledger = new ArrayList<>();
    final List<Worker> living = new ArrayList<>();
    final List<Long> checkpoints = new ArrayList<>();
    StepProtocol<Worker> protocol;
    Outcome outcome;
    final List<LedgerEvent> events = new ArrayList<>();
    private final RunPlan plan;
    private final Map<Integer, LaneCursor> start;
    private final Set<Long> durable = new HashSet<>(); // steps whose lines a crash leaves in the ledger
    private long fence;
    private long lineage;
    private final List<Worker> dying = new ArrayList<>();
    private final List<StepReady> sent = new ArrayList<>();
    private final Map<List<Long>, Boolean> skipped =
            new HashMap<>(); // by generation and step, also of what was rolled back

    SimulatedRun(RunPlan plan) {
        Map<Integer, LaneCursor> cursors = new HashMap<>();
        for (int lane = 0; lane < plan.lanes(); lane++) {
            cursors.put(lane, LaneCursor.START);
        }
        this.plan = plan;
        protocol = new StepProtocol<>(plan, RunStart.at(0, cursors), () -> 0);
        start = cursors;
    }

    Worker join() {
        Worker worker = new Worker(living.size() + 1);
        living.add(worker);
        perform(protocol.join(worker, worker.node, "", worker.weights));
        return worker;
    }

    /** The worker does nothing more; what it sent may still arrive, and the coordinator hears of its death later. */
    void kill(Worker worker) {
        living.remove(worker);
        dying.add(worker);
    }

    void noticeDeaths() {
        List<Worker> dead = List.copyOf(dying);
        dying.clear();
        dead.forEach(worker -> perform(protocol.lost(worker)));
    }

    /** The worker leaves at the next step boundary. */
    void leave(Worker worker) {
        worker.leaving = true;
        perform(protocol.leave(worker, "SIGTERM"));
    }

    /** Those who are not about to leave. */
    List<Worker> staying() {
        return living.stream().filter(worker -> !worker.leaving).toList();
    }

    /**
     * The coordinator is lost, with all that was on its way to it, and another one takes over; it never hears of those who died before.
     *
     * @param withLine also the last line of the ledger is lost, unless a checkpoint of it was due
     */
    void loseCoordinator(boolean withLine) {
        if (outcome != null || living.isEmpty() || living.stream().allMatch(worker -> worker.assignment == null)) {
            return;
        }
        for (Worker worker : List.copyOf(living)) {
            while (!worker.inbox.isEmpty()) {
                worker.receiveOne();
            }
            worker.outbox.clear();
        }
        dying.clear();
        if (living.isEmpty()) {
            return;
        }
        int last = ledger.size() - 1;
        if (withLine && last >= 0 && !durable.contains(last + 1L)) {
            ledger.remove(last);
        }
        Takeover takeover = Takeover.of(
                tail(),
                new TrainerState(saved(), 0, plan.lanes(), cursorsAt(saved()), 0, "", null),
                living.stream().map(Worker::state).toList(),
                fence,
                lineage);
        RunStart from = takeover.start();
        if (takeover.missing()) {
            LedgerEntry entry = takeover.decided();
            ledger.add(entry);
            skipped.put(List.of(entry.generation(), entry.step()), entry.skipped());
        } else {
            ledger.subList((int) from.committed(), ledger.size()).clear();
        }
        fence = from.generation() + 1;
        events.add(LedgerEvent.coordinator(from.committed(), fence, 1));
        protocol = new StepProtocol<>(plan.startingWith(living.size()), from, () -> 0);
        for (Worker worker : List.copyOf(living)) {
            boolean isOfThisRun = Takeover.isOfThisRun(worker.state(), saved(), lineage);
            long weights = isOfThisRun ? worker.weights : Roster.NO_WEIGHTS;
            if (isOfThisRun && takeover.isToApply(worker.state())) {
                worker.inbox.add(takeover.commit());
                weights = from.committed();
            }
            perform(protocol.join(worker, worker.node, "", weights));
        }
        living.stream().filter(worker -> worker.leaving).toList().forEach(this::leave);
        perform(protocol.patienceOver());
    }

    private LedgerTail tail() {
        LedgerEntry last = ledger.isEmpty() ? null : ledger.get(ledger.size() - 1);
        long step = last == null ? 0 : last.step();
        return new LedgerTail(
                last, events.stream().filter(event -> event.step() == step).toList());
    }

    private long saved() {
        return checkpoints.isEmpty() ? 0 : checkpoints.get(checkpoints.size() - 1);
    }

    /** A message that the coordinator has already had comes again. */
    void repeat(int which) {
        if (!sent.isEmpty()) {
            perform(protocol.ready(sent.get(which % sent.size())));
        }
    }

    void deliverOneFrom(Worker worker) {
        Object message = worker.outbox.poll();
        if (message instanceof StepReady ready) {
            sent.add(ready);
            perform(protocol.ready(ready));
        } else if (message instanceof Saved saved && saved.generation >= fence) {
            checkpoints.add(saved.step);
            perform(protocol.checkpointCommitted(saved.step));
        }
    }

    /** Everybody alive acts until the run ends; false when it does not. */
    boolean runToTheEnd(int rounds) {
        noticeDeaths();
        for (int round = 0; round < rounds && outcome == null; round++) {
            for (Worker worker : List.copyOf(living)) {
                worker.receiveOne();
                worker.finishStep(true);
                deliverOneFrom(worker);
            }
        }
        for (Worker worker : List.copyOf(living)) {
            while (!worker.inbox.isEmpty()) {
                worker.receiveOne();
            }
        }
        return outcome != null;
    }

    void perform(List<Effect<Worker>> effects) {
        for (Effect<Worker> effect : effects) {
            if (effect instanceof Effect.Tell<Worker> tell) {
                tell.worker().inbox.add(tell.message());
            } else if (effect instanceof Effect.Append<Worker> append) {
                LedgerEntry entry = append.step().entry();
                ledger.add(entry);
                if (append.durable()) {
                    durable.add(entry.step());
                }
                skipped.put(List.of(entry.generation(), entry.step()), entry.skipped());
            } else if (effect instanceof Effect.Happened<Worker> happened) {
                events.add(happened.event());
            } else if (effect instanceof Effect.Fence<Worker> fenced) {
                fence = fenced.generation();
            } else if (effect instanceof Effect.RollBack<Worker> back) {
                lineage = back.generation();
                fence = back.generation();
                rollBack();
            } else if (effect instanceof Effect.End<Worker> end) {
                assertThat(outcome).as("a run ends once").isNull();
                outcome = end.outcome();
            }
        }
    }

    /** To the newest checkpoint; the ledger keeps what led to it. */
    private void rollBack() {
        long step = saved();
        ledger.subList((int) step, ledger.size()).clear();
        perform(protocol.rolledBack(step, cursorsAt(step), "step_" + step));
    }

    private Map<Integer, LaneCursor> cursorsAt(long step) {
        Map<Integer, LaneCursor> at = new HashMap<>(start);
        if (step > 0) {
            ledger.get((int) step - 1).lanes().forEach((lane, range) -> at.put(lane, range.after()));
        }
        events.stream()
                .filter(event -> event.step() == step && event.lanes() != null)
                .forEach(event -> event.lanes().forEach((lane, range) -> at.put(lane, range.after())));
        return at;
    }

    /** Each committed step holds each lane once, and each lane's ranges follow one another without a gap. */
    void assertNothingLostOrTwice(int lanes) {
        Map<Integer, LaneCursor> at = new HashMap<>();
        for (int i = 0; i < ledger.size(); i++) {
            LedgerEntry entry = ledger.get(i);
            assertThat(entry.step()).isEqualTo(i + 1);
            assertThat(entry.lanes()).hasSize(lanes);
            entry.lanes().forEach((lane, range) -> {
                assertThat(lane).isBetween(0, lanes - 1);
                assertThat(range.before()).isEqualTo(at.getOrDefault(lane, LaneCursor.START));
                assertThat(range.after().offset()).isEqualTo(range.before().offset() + 1);
                at.put(lane, range.after());
            });
        }
    }

    /** A checkpoint that is written now. */
    private record Saved(long generation, long step) {}

    final class Worker {
        final Deque<WorkerCommand> inbox = new ArrayDeque<>();
        final Deque<Object> outbox = new ArrayDeque<>();
        final Map<Integer, LaneCursor> lanes = new TreeMap<>();
        private final Set<List<Long>> heard = new HashSet<>(); // decisions
        final int node;
        WorkerCommand.Assignment assignment;
        Map<Integer, LaneCursor> cursors = start;
        boolean leaving;
        boolean skippedLast;
        long weights;
        long computing;
        long held;
        Outcome stopped;

        Worker(int node) {
            this.node = node;
        }

        /** What it would tell a new coordinator. */
        WorkerState state() {
            return new WorkerState(
                    assignment == null ? 0 : assignment.generation(),
                    weights,
                    skippedLast,
                    held == 0 ? -1 : held,
                    cursors);
        }

        void receiveOne() {
            WorkerCommand message = inbox.poll();
            if (message instanceof WorkerCommand.Assignment assigned) {
                begin(assigned);
            } else if (message instanceof WorkerCommand.Commit commit) {
                commit(commit);
            } else if (message instanceof WorkerCommand.Abort abort) {
                assertThat(abort.generation()).isEqualTo(assignment.generation());
                computing = 0;
                held = 0;
            } else if (message instanceof WorkerCommand.Stop stop) {
                stopped = stop.outcome();
                computing = 0;
                if (stopped.kind() == Outcome.Kind.LEFT) {
                    kill(this);
                }
            }
        }

        private void begin(WorkerCommand.Assignment assigned) {
            if (plan.shared()) {
                assertThat(assigned.transfer().receivers())
                        .as("a shared state comes from a checkpoint")
                        .isEmpty();
                boolean sameTeam = assignment != null
                        && assignment.generation() == assigned.generation() - 1
                        && assignment.workers() == assigned.workers()
                        && assignment.rank() == assigned.rank();
                assertThat(sameTeam
                                || assigned.generation() == 1
                                || assigned.transfer().checkpoint() != null)
                        .as("other workers begin at a checkpoint")
                        .isTrue();
            }
            boolean takes = assigned.transfer().receivers().contains(assigned.rank())
                    || assigned.transfer().checkpoint() != null;
            if (!takes) {
                assertThat(weights).as("weights of who takes none").isEqualTo(assigned.committed());
            }
            if (assignment != null) {
                assertThat(assigned.generation()).isGreaterThan(assignment.generation());
            }
            assertThat(assigned.lanes().size() * assigned.workers() - assigned.totalLanes())
                    .as("lanes as even as possible")
                    .isBetween(1 - assigned.workers(), assigned.workers() - 1);
            assignment = assigned;
            weights = assigned.committed();
            cursors = assigned.cursors();
            held = 0;
            lanes.clear();
            assigned.lanes().forEach(lane -> lanes.put(lane, assigned.cursors().get(lane)));
            computing = assigned.hold() ? 0 : weights + 1;
            checkpoint(assigned.checkpoint());
        }

        private void commit(WorkerCommand.Commit commit) {
            if (!heard.add(List.of(commit.generation(), commit.step()))) {
                return;
            }
            assertThat(commit.generation()).isEqualTo(assignment.generation());
            assertThat(held).as("the step it holds ready").isEqualTo(commit.step());
            assertThat(commit.step()).as("each step applied once, in order").isEqualTo(weights + 1);
            List<Long> which = List.of(commit.generation(), commit.step());
            assertThat(skipped).as("in the ledger before").containsEntry(which, !commit.apply());
            weights = commit.step();
            cursors = commit.cursors();
            skippedLast = !commit.apply();
            held = 0;
            lanes.replaceAll((lane, cursor) -> commit.cursors().get(lane));
            computing = commit.hold() ? 0 : weights + 1;
            checkpoint(commit.checkpoint());
        }

        private void checkpoint(boolean wanted) {
            if (wanted && assignment.rank() == 0) {
                outbox.add(new Saved(assignment.generation(), weights));
            }
        }

        void finishStep(boolean finite) {
            if (computing == 0) {
                return;
            }
            Map<Integer, LedgerEntry.Range> ranges = new TreeMap<>();
            lanes.forEach((lane, at) ->
                    ranges.put(lane, new LedgerEntry.Range(at, new LaneCursor(0, 0, 0, 0, at.offset() + 1))));
            held = computing;
            computing = 0;
            outbox.add(new StepReady(
                    assignment.generation(),
                    held,
                    assignment.rank(),
                    ranges.size(),
                    1.0,
                    finite,
                    ranges,
                    new StepStages(0, 0, 0, StageCounts.NONE)));
        }
    }
}

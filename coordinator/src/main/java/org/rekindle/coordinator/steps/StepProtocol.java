package org.rekindle.coordinator.steps;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.membership.Generation;
import org.rekindle.coordinator.protocol.CoordinatorCommand.StepReady;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.protocol.StepStages;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.coordinator.protocol.WorkerCommand.Abort;
import org.rekindle.coordinator.protocol.WorkerCommand.Assignment;
import org.rekindle.coordinator.protocol.WorkerCommand.Commit;
import org.rekindle.coordinator.protocol.WorkerCommand.Stop;
import org.rekindle.data.lanes.LaneCursor;

/**
 * The two-phase commit of a run's steps (DESIGN 3.2) as a state machine without actors, clocks or files: events go in, {@link Effect}s
 * come out. Its memory does not grow with the steps.
 *
 * <p>At most one step is in flight, {@code committed + 1}. It is decided when every rank of the generation is ready; before that the
 * loss of a rank replays it in a new generation, after that it stands. A generation forms when enough workers have joined, when a rank
 * is lost, and at the step boundary after a join.
 *
 * <p>Threads: one at a time.
 *
 * @param <W> what identifies a worker; a restarted worker is another one
 */
public final class StepProtocol<W> {

    private final RunPlan plan;
    private final Map<W, String> members = new LinkedHashMap<>();
    private final SortedMap<Integer, LaneCursor> cursors;
    private final SortedMap<Integer, StepReady> ready = new TreeMap<>();
    private final List<LedgerEntry> skipped = new ArrayList<>();
    private final List<Effect<W>> effects = new ArrayList<>();
    private long committed;
    private Generation<W> generation;
    private boolean draining;
    private boolean closing; // the last step is committed and its checkpoint is being written
    private Outcome outcome;

    /**
     * @param committed the newest committed step
     * @param cursors where each lane stands after it
     */
    public StepProtocol(RunPlan plan, long committed, Map<Integer, LaneCursor> cursors) {
        if (cursors.size() != plan.lanes()) {
            throw new IllegalArgumentException(
                    "cursors of %d lanes for a run of %d".formatted(cursors.size(), plan.lanes()));
        }
        this.plan = plan;
        this.committed = committed;
        this.cursors = new TreeMap<>(cursors);
    }

    /**
     * A worker is there.
     *
     * @param first whether it goes before the others, to be rank 0
     * @param address where the others reach it
     */
    public List<Effect<W>> join(W worker, boolean first, String address) {
        if (outcome != null) {
            tell(worker, new Stop(outcome));
            return takeEffects();
        }
        boolean isNew = !members.containsKey(worker);
        if (isNew) {
            Map<W, String> before = first ? new LinkedHashMap<>(members) : Map.of();
            members.keySet().removeAll(before.keySet());
            members.put(worker, address);
            members.putAll(before);
        }
        if (isNew && generation == null) {
            if (committed >= plan.totalSteps()) {
                end(Outcome.completed(committed));
            } else if (members.size() >= plan.workers()) {
                form();
            }
        }
        return takeEffects();
    }

    /** A worker is gone for good. */
    public List<Effect<W>> lost(W worker) {
        if (members.remove(worker) == null || outcome != null || generation == null) {
            return List.of();
        }
        int rank = generation.ranks().indexOf(worker);
        if (members.isEmpty()) {
            end(Outcome.failed("all workers were lost after step " + committed
                    + "; start the run again to go on from its newest checkpoint"));
        } else if (rank >= 0 && !closing) {
            notice("worker %d of %d was lost; step %d is replayed"
                    .formatted(rank, generation.ranks().size(), committed + 1));
            generation.ranks().stream()
                    .filter(members::containsKey)
                    .forEach(survivor -> tell(survivor, new Abort(generation.number())));
            form();
        } else if (rank == 0) {
            notice("worker 0 was lost while it wrote the last checkpoint; another one writes it");
            form();
        }
        return takeEffects();
    }

    /** The collective of a generation is gone; whoever caused it may still be a member, and is lost later. */
    public List<Effect<W>> collectiveLost(long number, String line) {
        if (outcome == null && generation != null && generation.number() == number && !closing) {
            notice("step %d is replayed: %s".formatted(committed + 1, line));
            generation.ranks().stream()
                    .filter(members::containsKey)
                    .forEach(survivor -> tell(survivor, new Abort(number)));
            form();
        }
        return takeEffects();
    }

    /** A rank holds the reduced gradients of a step. */
    public List<Effect<W>> ready(StepReady message) {
        if (outcome != null
                || closing
                || generation == null
                || message.generation() != generation.number()
                || message.step() != committed + 1
                || message.rank() >= generation.ranks().size()) {
            return List.of();
        }
        if (!goesOnWhereItsLanesStand(message)) {
            end(Outcome.failed(
                    "worker %d gave step %d examples that are not the next of its lanes: %s, expected from %s on"
                            .formatted(message.rank(), message.step(), message.lanes(), cursors)));
        } else if (ready.putIfAbsent(message.rank(), message) == null
                && ready.size() == generation.ranks().size()) {
            decide();
        }
        return takeEffects();
    }

    /** A checkpoint is on disk. */
    public List<Effect<W>> checkpointCommitted(long step) {
        if (outcome == null && closing && step == committed) {
            end(committed >= plan.totalSteps() ? Outcome.completed(committed) : Outcome.drained(committed));
        }
        return takeEffects();
    }

    /** Somebody asks the run to stop after the step in flight. */
    public List<Effect<W>> drain(String reason) {
        if (outcome != null || draining) {
            return List.of();
        }
        draining = true;
        if (generation == null) {
            end(Outcome.drained(committed));
        } else if (!closing) {
            notice("%s: finishing step %d, then a checkpoint".formatted(reason, committed + 1));
        }
        return takeEffects();
    }

    /** The run cannot go on. */
    public List<Effect<W>> fail(String line) {
        if (outcome == null) {
            end(Outcome.failed(line));
        }
        return takeEffects();
    }

    private boolean goesOnWhereItsLanesStand(StepReady message) {
        List<Integer> owned = generation.lanesOf(message.rank());
        return message.lanes().size() == owned.size()
                && owned.stream()
                        .allMatch(lane -> message.lanes().containsKey(lane)
                                && message.lanes().get(lane).before().equals(cursors.get(lane)));
    }

    private void decide() {
        SortedMap<Integer, LedgerEntry.Range> ranges = new TreeMap<>();
        ready.values().forEach(message -> ranges.putAll(message.lanes()));
        ranges.forEach((lane, range) -> cursors.put(lane, range.after()));
        boolean finite = ready.values().stream().allMatch(StepReady::finite);
        double lossSum = ready.values().stream().mapToDouble(StepReady::lossSum).sum();
        double gradientNorm = ready.get(0).gradientNorm();
        List<StepStages> stages = ready.values().stream().map(StepReady::stages).toList();
        ready.clear();
        committed++;
        closing = draining || committed >= plan.totalSteps();
        boolean checkpoint = closing || committed % plan.saveEvery() == 0;

        LedgerEntry entry = new LedgerEntry(committed, generation.number(), ranges, !finite);
        CommittedStep step = new CommittedStep(entry, lossSum / plan.lanes(), gradientNorm, stages);
        effects.add(new Effect.Append<>(step, checkpoint));
        if (skippedTooOften(entry)) {
            end(Outcome.failed(SkippedSteps.describe(skipped)));
            return;
        }

        Generation<W> next = Generation.of(generation.number() + 1, members.keySet(), plan.lanes());
        boolean changes = !closing && !next.ranks().equals(generation.ranks());
        Commit commit =
                new Commit(generation.number(), committed, finite, Map.copyOf(cursors), checkpoint, closing || changes);
        generation.ranks().forEach(worker -> tell(worker, commit));
        if (changes) {
            form();
        }
    }

    private boolean skippedTooOften(LedgerEntry entry) {
        if (!entry.skipped()) {
            skipped.clear();
            return false;
        }
        skipped.add(entry);
        notice("step %d is skipped: loss or gradients are not finite".formatted(entry.step()));
        return skipped.size() >= RunPlan.MAX_SKIPPED_STEPS;
    }

    private void form() {
        long number = generation == null ? 1 : generation.number() + 1;
        generation = Generation.of(number, members.keySet(), plan.lanes());
        ready.clear();
        int workers = generation.ranks().size();
        Map<Integer, LaneCursor> all = Map.copyOf(cursors);
        List<String> peers = generation.ranks().stream().map(members::get).toList();
        for (int rank = 0; rank < workers; rank++) {
            W worker = generation.ranks().get(rank);
            List<Integer> lanes = generation.lanesOf(rank);
            tell(
                    worker,
                    new Assignment(
                            number, rank, workers, lanes, plan.lanes(), committed, all, closing, closing, peers));
        }
        if (number > 1) {
            notice("generation %d: workers %d, from step %d".formatted(number, workers, committed + 1));
        }
    }

    private void end(Outcome how) {
        outcome = how;
        members.keySet().forEach(worker -> tell(worker, new Stop(how)));
        effects.add(new Effect.End<>(how));
    }

    private void tell(W worker, WorkerCommand message) {
        effects.add(new Effect.Tell<>(worker, message));
    }

    private void notice(String line) {
        effects.add(new Effect.Notice<>(line));
    }

    private List<Effect<W>> takeEffects() {
        List<Effect<W>> taken = List.copyOf(effects);
        effects.clear();
        return taken;
    }
}

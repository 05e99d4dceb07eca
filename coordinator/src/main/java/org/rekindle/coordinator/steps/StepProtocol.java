package org.rekindle.coordinator.steps;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.ledger.LedgerEvent;
import org.rekindle.coordinator.membership.Generation;
import org.rekindle.coordinator.membership.Roster;
import org.rekindle.coordinator.protocol.CoordinatorCommand.StepReady;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.protocol.RunView;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.coordinator.protocol.WorkerCommand.Abort;
import org.rekindle.coordinator.protocol.WorkerCommand.Assignment;
import org.rekindle.coordinator.protocol.WorkerCommand.Commit;
import org.rekindle.coordinator.protocol.WorkerCommand.Stop;
import org.rekindle.coordinator.protocol.WorkerCommand.Transfer;
import org.rekindle.data.lanes.LaneCursor;

/**
 * The two-phase commit of a run's steps (DESIGN 3.2) as a state machine without actors, clocks or files: events go in, {@link Effect}s
 * come out. Its memory does not grow with the steps.
 *
 * <p>At most one step is in flight, {@code committed + 1}. It is decided when every rank of the generation is ready; before that the
 * loss of a rank replays it in a new generation, after that it stands. A generation forms when enough workers have joined, when a rank
 * is lost, and at the step boundary after a join or before a leave. Who lacks the weights takes them from a rank that has them; where nobody
 * has, the run goes back to its newest checkpoint.
 *
 * <p>Threads: one at a time.
 *
 * @param <W> what identifies a worker; a restarted worker is another one
 */
public final class StepProtocol<W> {

    /** A worker that its neighbours cannot reach so often in one step goes, though it may be alive. */
    private static final int MAX_SUSPICIONS = 3;

    static final int WITNESSES = 3;

    private final RunPlan plan;
    private final LongSupplier secrets;
    private final Roster<W> roster = new Roster<>();
    private final SortedMap<Integer, LaneCursor> cursors;
    private final ReadyRanks ready = new ReadyRanks();
    private final List<LedgerEntry> skipped = new ArrayList<>();
    private final List<W> suspicions = new ArrayList<>(); // in the step in flight
    private final List<Told<W>> decided = new ArrayList<>(); // by rank, of the newest decision
    private final List<Effect<W>> effects = new ArrayList<>();
    private long committed;
    private long saved; // step of the newest checkpoint
    private long saving; // step of the newest checkpoint that was asked for
    private W writer; // who writes checkpoints, the first rank
    private long number; // of the newest generation
    private Generation<W> generation; // null while too few workers are there
    private boolean formed; // there was a generation
    private boolean patienceOver; // the first generation forms with fewer
    private boolean draining;
    private boolean saveDue; // a checkpoint is overdue
    private boolean closing; // the last step is committed and its checkpoint is being written
    private Rollback rollback; // waits for its checkpoint
    private boolean changing; // a state that is shared waits for the checkpoint that other workers begin at
    private long rolledBackTo = -1;
    private Outcome outcome;

    private record Rollback(String reason, boolean leavesOut) {}

    private record Told<W>(W worker, Commit commit) {

        boolean answers(StepReady message) {
            return commit.generation() == message.generation() && commit.step() == message.step();
        }
    }

    /**
     * @param start where the run stands
     * @param secrets draws what the workers of each generation, and nobody else, say to each other
     */
    public StepProtocol(RunPlan plan, RunStart start, LongSupplier secrets) {
        if (start.cursors().size() != plan.lanes()) {
            throw new IllegalArgumentException("cursors of %d lanes for a run of %d"
                    .formatted(start.cursors().size(), plan.lanes()));
        }
        this.plan = plan;
        this.secrets = secrets;
        this.committed = start.committed();
        this.saved = start.saved();
        this.number = start.generation();
        this.cursors = new TreeMap<>(start.cursors());
        this.saveDue = committed - saved >= plan.saveEvery();
        this.closing = committed >= plan.totalSteps();
    }

    /**
     * A worker is there.
     *
     * @param node rank of its node
     * @param address where the others reach it
     * @param weights the step whose weights it holds, or {@link Roster#NO_WEIGHTS}
     */
    public List<Effect<W>> join(W worker, int node, String address, long weights) {
        if (outcome != null) {
            tell(worker, new Stop(outcome));
        } else if (roster.add(worker, node, address, weights) && generation == null) {
            if (closing && saved == committed) {
                end(Outcome.completed(committed));
            } else {
                formIfEnough();
            }
        }
        return takeEffects();
    }

    /** Those whom the first generation waits for have had their time: it forms with whoever is there. */
    public List<Effect<W>> patienceOver() {
        patienceOver = true;
        if (outcome == null && generation == null && rollback == null && !roster.isEmpty()) {
            formIfEnough();
        }
        return takeEffects();
    }

    /** A worker is gone for good. */
    public List<Effect<W>> lost(W worker) {
        int rank = rankOf(worker);
        if (!roster.remove(worker) || outcome != null || !formed) {
            return takeEffects();
        }
        if (roster.isEmpty()) {
            end(Outcome.failed("all workers were lost after step " + committed
                    + "; start the run again to go on from its newest checkpoint"));
        } else if (rank >= 0 && plan.shared() && rollback == null && saved != committed) {
            abort();
            rollBack(
                    "worker %d of %d was lost with its part of the state"
                            .formatted(rank, generation.ranks().size()),
                    false);
        } else if (rank == 0 && closing) {
            notice("worker 0 was lost while it wrote the last checkpoint; another one writes it");
            form("worker 0 was lost");
        } else if (rank >= 0 && !(closing && hasDecided())) {
            String reason = "worker %d of %d was lost"
                    .formatted(rank, generation.ranks().size());
            notice("%s; %s".formatted(reason, again()));
            abort();
            form(reason);
        }
        return takeEffects();
    }

    /** A worker is about to go: it may finish the step in flight. The last one takes the run with it. */
    public List<Effect<W>> leave(W worker, String reason) {
        if (outcome != null || !roster.contains(worker)) {
            tell(worker, new Stop(outcome == null ? Outcome.left(committed) : outcome));
            return takeEffects();
        }
        if (!roster.leaves(worker)) {
            return takeEffects();
        }
        int rank = rankOf(worker);
        if (roster.staying().isEmpty()) {
            return drain(reason);
        } else if (rank < 0) {
            dismiss(worker);
        } else {
            notice("%s: worker %d leaves after step %d".formatted(reason, rank, committed + 1));
        }
        return takeEffects();
    }

    /** The worker of a rank; empty where the generation is over. */
    public Optional<W> worker(long ofGeneration, int rank) {
        return generation == null
                        || ofGeneration != generation.number()
                        || rank < 0
                        || rank >= generation.ranks().size()
                ? Optional.empty()
                : Optional.of(generation.ranks().get(rank));
    }

    /** A checkpoint is to follow the step in flight. */
    public List<Effect<W>> saveNow(String reason) {
        if (outcome == null && !closing) {
            saveDue = true;
            notice("%s: a checkpoint of step %d".formatted(reason, committed + 1));
        }
        return takeEffects();
    }

    /** {@code waiting} for workers, {@code running}, {@code draining} or {@code ended}. */
    public String state() {
        if (outcome != null) {
            return "ended";
        }
        return generation == null ? "waiting" : draining || closing ? "draining" : "running";
    }

    public long committed() {
        return committed;
    }

    public long saved() {
        return saved;
    }

    /** The newest generation; 0 before there was one. */
    public long generation() {
        return number;
    }

    /** Where each lane stands. */
    public Map<Integer, LaneCursor> cursors() {
        return Map.copyOf(cursors);
    }

    /** All workers that are there. */
    public List<RunView.Worker> workers() {
        return roster.all().stream()
                .map(worker -> {
                    int rank = rankOf(worker);
                    List<Integer> lanes = rank < 0 ? List.of() : generation.lanesOf(rank);
                    return new RunView.Worker(
                            rank,
                            roster.node(worker),
                            roster.address(worker),
                            lanes,
                            roster.weights(worker),
                            Double.NaN,
                            Double.NaN,
                            Double.NaN,
                            "");
                })
                .toList();
    }

    /** Whether it has ended, or is about to. */
    public boolean isOver() {
        return outcome != null;
    }

    /** The workers that the run counts on. */
    public List<W> members() {
        return roster.all();
    }

    /** The worker of a node that the run counts on. */
    public Optional<W> ofNode(int node) {
        return roster.all().stream()
                .filter(worker -> roster.node(worker) == node)
                .findFirst();
    }

    /** Where the others reach one of {@link #members}. */
    public String address(W worker) {
        return roster.address(worker);
    }

    /**
     * The collective of a generation is gone; whoever caused it may still be a member, and is lost later.
     *
     * @param suspect rank that the others lost; -1 for none
     */
    public List<Effect<W>> collectiveLost(long ofGeneration, int suspect, String line) {
        if (outcome != null || generation == null || generation.number() != ofGeneration) {
            return takeEffects();
        } else if (plan.shared() && (closing || changing)) {
            abort();
            rollBack(line, false);
            return takeEffects();
        } else if (closing && hasDecided()) {
            return takeEffects();
        }
        notice("%s: %s".formatted(again(), line));
        worker(ofGeneration, suspect).ifPresent(suspicions::add);
        abort();
        for (W suspected : Set.copyOf(suspicions)) {
            if (Collections.frequency(suspicions, suspected) >= MAX_SUSPICIONS && roster.size() > 1) {
                tell(
                        suspected,
                        new Stop(Outcome.failed("the other workers cannot reach this one at "
                                + roster.address(suspected) + ": " + line)));
                roster.remove(suspected);
            }
        }
        form(line);
        return takeEffects();
    }

    /** A rank holds the reduced gradients of a step. One that says so after the decision has not heard of it. */
    public List<Effect<W>> ready(StepReady message) {
        if (outcome == null
                && message.rank() < decided.size()
                && decided.get(message.rank()).answers(message)) {
            Told<W> told = decided.get(message.rank());
            tell(told.worker(), told.commit());
            return takeEffects();
        }
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
        } else if (ready.add(message)) {
            // a rank that was to take the weights has them
            roster.holds(generation.ranks().get(message.rank()), committed);
            if (ready.count() == generation.ranks().size()) {
                decide();
            }
        }
        return takeEffects();
    }

    /** A checkpoint is on disk. */
    public List<Effect<W>> checkpointCommitted(long step) {
        saved = Math.max(saved, step);
        if (outcome == null && closing && step == committed) {
            end(committed >= plan.totalSteps() ? Outcome.completed(committed) : Outcome.drained(committed));
        } else if (outcome == null && changing && step == committed) {
            rollBack("workers came or went", false);
        }
        return takeEffects();
    }

    /** Somebody asks the run to stop after the step in flight. */
    public List<Effect<W>> drain(String reason) {
        if (outcome != null || draining) {
            return takeEffects();
        }
        draining = true;
        if (generation == null && (saved == committed || holder(roster.all()) == null)) {
            end(Outcome.drained(saved));
        } else if (generation == null) {
            closing = true;
            form(reason);
        } else if (!closing) {
            notice("%s: finishing step %d, then a checkpoint".formatted(reason, committed + 1));
        }
        return takeEffects();
    }

    /** A drain cannot wait for the step in flight: a checkpoint of the newest committed step is all there is time for. */
    public List<Effect<W>> dropStep(String why) {
        if (outcome == null && draining && !closing && generation != null) {
            notice("step %d is dropped: %s".formatted(committed + 1, why));
            abort();
            if (saved == committed) {
                end(Outcome.drained(committed));
            } else {
                closing = true;
                form(why);
            }
        }
        return takeEffects();
    }

    /** A drain cannot wait for a checkpoint either: the run will go on from the newest one. */
    public List<Effect<W>> giveUp(String why) {
        if (outcome == null && draining) {
            notice("the run ends at the checkpoint of step %d, without step %s: %s"
                    .formatted(saved, saved == committed ? committed + 1 : saved + 1 + " to " + committed, why));
            end(Outcome.drained(saved));
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

    /**
     * The newest whole checkpoint, in answer to {@link Effect.RollBack}; the ledger ends with it.
     *
     * @param step the checkpoint's
     * @param at where each lane goes on after it
     * @param folder the checkpoint's
     */
    public List<Effect<W>> rolledBack(long step, Map<Integer, LaneCursor> at, String folder) {
        Rollback why = rollback;
        rollback = null;
        if (draining) {
            end(Outcome.drained(step));
            return takeEffects();
        } else if (why.leavesOut() && step == rolledBackTo) {
            end(Outcome.failed(SkippedSteps.describe(skipped)));
            return takeEffects();
        }
        SortedMap<Integer, LedgerEntry.Range> leftOut = null;
        if (why.leavesOut()) {
            leftOut = new TreeMap<>();
            for (Map.Entry<Integer, LaneCursor> lane : cursors.entrySet()) {
                leftOut.put(lane.getKey(), new LedgerEntry.Range(at.get(lane.getKey()), lane.getValue()));
            }
            rolledBackTo = step;
        } else {
            cursors.putAll(at);
        }
        if (step != committed || leftOut != null) {
            notice("back to the checkpoint of step %d: %s".formatted(step, why.reason()));
            effects.add(
                    new Effect.Happened<>(LedgerEvent.rollback(step, number + 1, committed, leftOut, why.reason())));
        }
        committed = step;
        saved = step;
        saving = step;
        closing = committed >= plan.totalSteps();
        skipped.clear();
        roster.all().forEach(worker -> roster.holds(worker, Roster.NO_WEIGHTS));
        List<W> team = assemble();
        if (isEnough()) {
            begin(team, new Transfer(0, List.of(), folder), why.reason());
        }
        return takeEffects();
    }

    /** Whether the generation was together for a step; one that formed for the last checkpoint may not come together, and would not write it. */
    private boolean hasDecided() {
        return !decided.isEmpty() && decided.get(0).commit().generation() == generation.number();
    }

    private String again() {
        return closing ? "the last checkpoint is begun again" : "step %d is replayed".formatted(committed + 1);
    }

    private int rankOf(W worker) {
        return generation == null ? -1 : generation.ranks().indexOf(worker);
    }

    private boolean goesOnWhereItsLanesStand(StepReady message) {
        List<Integer> owned = generation.lanesOf(message.rank());
        return message.lanes().size() == owned.size()
                && owned.stream()
                        .allMatch(lane -> message.lanes().containsKey(lane)
                                && message.lanes().get(lane).before().equals(cursors.get(lane)));
    }

    private void decide() {
        CommittedStep step = ready.agreeOn(committed + 1, generation.number(), plan.lanes());
        LedgerEntry entry = step.entry();
        entry.lanes().forEach((lane, range) -> cursors.put(lane, range.after()));
        ready.clear();
        suspicions.clear();
        committed++;
        closing = draining || committed >= plan.totalSteps();
        boolean changes = !closing && !chosen(roster.staying()).equals(generation.ranks());
        changing = changes && plan.shared();
        boolean checkpoint = closing || changing || saveDue || committed % plan.saveEvery() == 0;
        saveDue &= !checkpoint;
        saving = checkpoint ? committed : saving;

        effects.add(new Effect.Append<>(step, checkpoint));
        if (skippedTooOften(entry)) {
            abort();
            rollBack("loss or gradients were not finite in %d steps in a row".formatted(skipped.size()), true);
            return;
        }

        generation.ranks().stream().filter(roster::contains).forEach(worker -> roster.holds(worker, committed));
        Map<Integer, LaneCursor> all = Map.copyOf(cursors);
        decided.clear();
        for (int rank = 0; rank < generation.ranks().size(); rank++) {
            Commit commit = new Commit(
                    generation.number(), committed, !entry.skipped(), told(rank, all), checkpoint, closing || changes);
            decided.add(new Told<>(generation.ranks().get(rank), commit));
            tell(generation.ranks().get(rank), commit);
        }
        if (changes && !changing) {
            form("workers came or went");
        }
    }

    /** All lanes' cursors for the first ranks, which can tell another coordinator; the own for the others: a message must not grow with the workers. */
    private Map<Integer, LaneCursor> told(int rank, Map<Integer, LaneCursor> all) {
        if (rank < WITNESSES) {
            return all;
        }
        Map<Integer, LaneCursor> own = new HashMap<>();
        generation.lanesOf(rank).forEach(lane -> own.put(lane, all.get(lane)));
        return own;
    }

    private boolean skippedTooOften(LedgerEntry entry) {
        if (!entry.skipped()) {
            skipped.clear();
            return false;
        }
        skipped.add(entry);
        notice("step %d is skipped: loss or gradients are not finite".formatted(entry.step()));
        return skipped.size() >= plan.maxSkippedSteps();
    }

    private void formIfEnough() {
        if (isEnough()) {
            form("enough workers are there");
        }
    }

    /** Spares count: they are there, though there may be no lane for them. */
    private boolean isEnough() {
        boolean all = !formed && !patienceOver;
        int needed = closing
                ? 1
                : Math.max(all ? plan.workers().first() : 1, plan.workers().min());
        return candidates().size() >= needed;
    }

    private void form(String reason) {
        List<W> team = assemble();
        if (!isEnough()) {
            generation = null;
            ready.clear();
            notice("waiting for workers: %d of at least %d are there"
                    .formatted(candidates().size(), plan.workers().min()));
            return;
        }
        if (plan.shared() && number > 0 && !isWhole(team)) {
            rollBack(reason, false);
            return;
        }
        W holder = holder(team);
        if (holder == null) {
            rollBack("no worker is left with the weights of step " + committed, false);
            return;
        }
        List<Integer> receivers = new ArrayList<>();
        for (int rank = 0; rank < team.size(); rank++) {
            if (roster.weights(team.get(rank)) != committed) {
                receivers.add(rank);
            }
        }
        begin(team, receivers.isEmpty() ? Transfer.NONE : new Transfer(team.indexOf(holder), receivers, null), reason);
    }

    private List<W> assemble() {
        if (roster.staying().isEmpty()) {
            draining |= !roster.isEmpty();
        } else {
            roster.leaving().forEach(this::dismiss);
        }
        return chosen(candidates());
    }

    /** Who may compute: not those who leave, unless nobody else is left to save the run. */
    private List<W> candidates() {
        return roster.staying().isEmpty() ? roster.all() : roster.staying();
    }

    /** Whether these workers, and no others, hold the state. */
    private boolean isWhole(List<W> team) {
        return generation != null
                && team.equals(generation.ranks())
                && team.stream().allMatch(worker -> roster.weights(worker) == committed);
    }

    /** Those who have the weights before those who would have to take them, and who computes before who waits; in the order of their nodes. */
    private List<W> chosen(List<W> candidates) {
        int places = Math.min(plan.lanes(), plan.workers().max());
        if (candidates.size() <= places) {
            return candidates;
        }
        Set<W> computing = generation == null ? Set.of() : Set.copyOf(generation.ranks());
        Set<W> chosen = candidates.stream()
                .sorted(Comparator.<W, Boolean>comparing(worker -> roster.weights(worker) != committed)
                        .thenComparing(worker -> !computing.contains(worker)))
                .limit(places)
                .collect(Collectors.toSet());
        return candidates.stream().filter(chosen::contains).toList();
    }

    private W holder(List<W> candidates) {
        return candidates.stream()
                .filter(worker -> roster.weights(worker) == committed)
                .findFirst()
                .orElse(null);
    }

    private void dismiss(W worker) {
        roster.remove(worker);
        tell(worker, new Stop(Outcome.left(committed)));
    }

    private void begin(List<W> team, Transfer transfer, String reason) {
        number++;
        generation = new Generation<>(number, team, plan.lanes());
        ready.clear();
        effects.add(new Effect.Happened<>(LedgerEvent.generation(
                committed, number, team.stream().map(roster::node).toList(), reason)));
        writeBy(team.get(0));
        Map<Integer, LaneCursor> all = Map.copyOf(cursors);
        List<String> peers = team.stream().map(roster::address).toList();
        long secret = secrets.getAsLong();
        for (int rank = 0; rank < team.size(); rank++) {
            tell(
                    team.get(rank),
                    new Assignment(
                            number,
                            rank,
                            team.size(),
                            generation.lanesOf(rank),
                            plan.lanes(),
                            committed,
                            told(rank, all),
                            closing,
                            closing,
                            peers,
                            transfer,
                            secret));
        }
        if (formed) {
            notice("generation %d: workers %d, from step %d".formatted(number, team.size(), committed + 1));
        }
        formed = true;
    }

    /** The one before may still be at it, or come back to it: what it has not committed by now another one saves. */
    private void writeBy(W worker) {
        if (!worker.equals(writer)) {
            writer = worker;
            saveDue |= saving > saved;
            effects.add(new Effect.Fence<>(number));
        }
    }

    /** Whoever computes stops; {@link #rolledBack} follows. */
    private void rollBack(String reason, boolean leavesOut) {
        generation = null;
        changing = false;
        ready.clear();
        decided.clear();
        rollback = new Rollback(reason, leavesOut);
        effects.add(new Effect.RollBack<>(number + 1));
    }

    private void abort() {
        generation.ranks().stream()
                .filter(roster::contains)
                .forEach(survivor -> tell(survivor, new Abort(generation.number())));
    }

    private void end(Outcome how) {
        outcome = how;
        roster.all().forEach(worker -> tell(worker, new Stop(how)));
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

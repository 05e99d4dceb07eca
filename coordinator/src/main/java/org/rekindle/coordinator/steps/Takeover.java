package org.rekindle.coordinator.steps;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.ledger.LedgerTail;
import org.rekindle.coordinator.protocol.WorkerCommand.Commit;
import org.rekindle.coordinator.protocol.WorkerState;
import org.rekindle.data.lanes.LaneCursor;

/**
 * Where a run stands whose coordinator was lost, as its workers and its ledger tell (DESIGN 3.2.4).
 *
 * <p>A step in the ledger was decided: workers that hold its gradients apply it. One that a worker has applied was decided too, whatever the
 * ledger says. A step that is in the ledger and that nobody can apply any more was applied by nobody who is left: it is computed again.
 *
 * @param start where the run goes on
 * @param decided the step that it goes on from; null where that is a checkpoint
 * @param missing whether the ledger lacks that step, which workers have applied
 */
record Takeover(RunStart start, LedgerEntry decided, boolean missing) {

    /**
     * @param saved the newest checkpoint
     * @param states what the workers hold that are left
     * @param newest the newest generation that the run folder knows
     * @param lineage the generation that began at the checkpoint the run went back to last
     */
    static Takeover of(
            LedgerTail ledger, TrainerState saved, Collection<WorkerState> states, long newest, long lineage) {
        List<WorkerState> workers = states.stream()
                .filter(worker -> isOfThisRun(worker, saved.step(), lineage))
                .toList();
        LedgerEntry last = ledger.last();
        long applied = workers.stream().mapToLong(WorkerState::committed).max().orElse(-1);
        long step =
                workers.stream().anyMatch(worker -> isReady(worker, last)) ? Math.max(applied, last.step()) : applied;
        long generation = states.stream()
                .mapToLong(WorkerState::generation)
                .reduce(Math.max(ledger.generation(), newest), Math::max);
        Map<Integer, LaneCursor> cursors = cursors(ledger, saved, workers, step);
        if (step < saved.step()
                || step > ledger.step() + 1
                || cursors.size() < saved.cursors().size()) {
            // nobody is left who knows more than the newest checkpoint, or the disk lost lines of the ledger: the
            // checkpoint is the truth
            return new Takeover(new RunStart(saved.step(), saved.cursors(), generation, saved.step()), null, false);
        }
        RunStart start = new RunStart(step, cursors, generation, saved.step());
        if (step <= ledger.step()) {
            return new Takeover(start, step == ledger.step() ? last : null, false);
        }
        WorkerState holder = workers.stream()
                .filter(worker -> worker.committed() == step)
                .findFirst()
                .orElseThrow();
        Map<Integer, LaneCursor> before = ledger.cursors(ledger.step(), saved.cursors());
        return new Takeover(
                start, new LedgerEntry(step, holder.generation(), ranges(before, cursors), holder.skipped()), true);
    }

    /** Where lanes stand after a step, as the ledger's last line says, or else what the workers were told; some may be missing. */
    private static Map<Integer, LaneCursor> cursors(
            LedgerTail ledger, TrainerState saved, List<WorkerState> workers, long step) {
        Map<Integer, LaneCursor> cursors = new HashMap<>();
        if (step == ledger.step()) {
            cursors.putAll(ledger.cursors(step, saved.cursors()));
        } else if (step == ledger.step() - 1 && ledger.last() != null) {
            ledger.last().lanes().forEach((lane, range) -> cursors.put(lane, range.before()));
        } else {
            workers.stream()
                    .filter(worker -> worker.committed() == step)
                    .forEach(worker -> cursors.putAll(worker.cursors()));
        }
        return cursors;
    }

    /** A worker that had no part when the run went back may hold what is no longer true. One that has just loaded a checkpoint is in no generation. */
    static boolean isOfThisRun(WorkerState worker, long saved, long lineage) {
        return worker.generation() >= lineage || worker.generation() == 0 && worker.committed() <= saved;
    }

    /** Whether a worker has yet to apply the step that the run goes on from. */
    boolean isToApply(WorkerState worker) {
        return decided != null && worker.committed() == decided.step() - 1 && isReady(worker, decided);
    }

    /** What such a worker is told; a new generation follows. */
    Commit commit() {
        return new Commit(decided.generation(), decided.step(), !decided.skipped(), start.cursors(), false, true);
    }

    /** Whether a worker holds the gradients of a step that was decided. */
    private static boolean isReady(WorkerState worker, LedgerEntry decided) {
        return decided != null && worker.ready() == decided.step() && worker.generation() == decided.generation();
    }

    private static Map<Integer, LedgerEntry.Range> ranges(
            Map<Integer, LaneCursor> before, Map<Integer, LaneCursor> after) {
        Map<Integer, LedgerEntry.Range> ranges = new HashMap<>();
        after.forEach((lane, cursor) -> ranges.put(lane, new LedgerEntry.Range(before.get(lane), cursor)));
        return ranges;
    }
}

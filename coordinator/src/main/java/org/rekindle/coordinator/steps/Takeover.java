package org.rekindle.coordinator.steps;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.ledger.LedgerTail;
import org.rekindle.coordinator.protocol.WorkerState;
import org.rekindle.data.lanes.LaneCursor;

/**
 * Where a run stands whose coordinator was lost, as its workers and its ledger tell (DESIGN 3.2.4).
 *
 * <p>A step in the ledger was decided: workers that hold its gradients apply it. One that a worker has applied was decided too, whatever the
 * ledger says. A step that is in the ledger and that nobody can apply any more was applied by nobody who is left: it is computed again.
 *
 * @param start where the run goes on
 * @param missing a step that workers have applied and the ledger lacks; null for none
 * @param skipped whether the step that the run goes on from was skipped
 */
record Takeover(RunStart start, LedgerEntry missing, boolean skipped) {

    /**
     * @param saved the newest checkpoint
     * @param workers what the workers hold that are left
     * @param fence the oldest generation whose checkpoints are taken
     */
    static Takeover of(LedgerTail ledger, TrainerState saved, Collection<WorkerState> workers, long fence) {
        long decided = ledger.step();
        long applied = workers.stream().mapToLong(WorkerState::committed).max().orElse(-1);
        boolean applicable = workers.stream().anyMatch(worker -> worker.ready() == decided);
        long generation = workers.stream()
                .mapToLong(WorkerState::generation)
                .reduce(Math.max(ledger.generation(), fence), Math::max);
        long step = applicable ? Math.max(applied, decided) : applied;
        if (step < saved.step() || step > decided + 1) {
            // nobody is left who knows more than the newest checkpoint, or the disk lost lines of the ledger: the
            // checkpoint is the truth
            return new Takeover(new RunStart(saved.step(), saved.cursors(), generation, saved.step()), null, false);
        }
        WorkerState newest = workers.stream()
                .filter(worker -> worker.committed() == step)
                .findFirst()
                .orElse(null);
        Map<Integer, LaneCursor> cursors =
                step == decided ? ledger.cursors(decided, saved.cursors()) : newest.cursors();
        boolean skipped = step == decided && step > 0 ? ledger.last().skipped() : newest != null && newest.skipped();
        LedgerEntry missing = step == decided + 1
                ? new LedgerEntry(
                        step, newest.generation(), ranges(ledger.cursors(decided, saved.cursors()), cursors), skipped)
                : null;
        return new Takeover(new RunStart(step, cursors, generation, saved.step()), missing, skipped);
    }

    /** Whether a worker has yet to apply the step that the run goes on from. */
    boolean isToApply(WorkerState worker) {
        return worker.ready() == start.committed() && worker.committed() == start.committed() - 1;
    }

    private static Map<Integer, LedgerEntry.Range> ranges(
            Map<Integer, LaneCursor> before, Map<Integer, LaneCursor> after) {
        Map<Integer, LedgerEntry.Range> ranges = new HashMap<>();
        after.forEach((lane, cursor) -> ranges.put(lane, new LedgerEntry.Range(before.get(lane), cursor)));
        return ranges;
    }
}

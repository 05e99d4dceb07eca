package org.rekindle.coordinator.protocol;

import java.util.List;
import java.util.Map;
import org.rekindle.data.lanes.LaneCursor;

/** What the coordinator tells a worker. Messages reach one worker in the order they were sent. */
public sealed interface WorkerCommand extends ControlMessage {

    /**
     * A generation begins. The worker drops whatever it has in flight for an older one, except a decided step that it holds ready
     * and has not applied: it applies that one first. Unless {@code hold}, it computes step {@code committed + 1} and answers with
     * {@link CoordinatorCommand.StepReady}.
     *
     * @param generation number of the generation, growing
     * @param rank the receiver's rank, from 0
     * @param workers ranks of the generation
     * @param lanes the receiver's lanes
     * @param totalLanes lanes of the run
     * @param committed the newest committed step
     * @param cursors where each lane of the run stands after that step
     * @param checkpoint rank 0 snapshots at {@code committed} before anything else and answers with
     *     {@link CoordinatorCommand.CheckpointCommitted}
     * @param hold wait for the next message instead of computing
     * @param peers addresses of the generation's workers, in the order of their ranks
     */
    record Assignment(
            long generation,
            int rank,
            int workers,
            List<Integer> lanes,
            int totalLanes,
            long committed,
            Map<Integer, LaneCursor> cursors,
            boolean checkpoint,
            boolean hold,
            List<String> peers)
            implements WorkerCommand {}

    /**
     * Phase two: the step is in the ledger. The worker applies it, then, unless {@code hold}, computes the next one. Nobody waits
     * for an answer.
     *
     * @param generation the generation that computed the step
     * @param step the committed step
     * @param apply false where the step is skipped because loss or gradients are not finite: its examples are consumed, the weights
     *     stay as they were
     * @param cursors where each lane of the run stands after the step
     * @param checkpoint rank 0 snapshots after this step and answers with {@link CoordinatorCommand.CheckpointCommitted}
     * @param hold a new generation or the end follows: wait for it
     */
    record Commit(
            long generation,
            long step,
            boolean apply,
            Map<Integer, LaneCursor> cursors,
            boolean checkpoint,
            boolean hold)
            implements WorkerCommand {}

    /**
     * A rank was lost before its step was decided: abort the collective, drop the gradients, keep the weights. Not answered; an
     * {@link Assignment} of the next generation follows.
     *
     * @param generation the generation that is over
     */
    record Abort(long generation) implements WorkerCommand {}

    /**
     * The run is over. The worker closes what it holds and goes; the coordinator sees it go.
     *
     * @param outcome how the run ended
     */
    record Stop(Outcome outcome) implements WorkerCommand {}
}

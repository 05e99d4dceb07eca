package org.rekindle.coordinator.protocol;

import java.util.List;
import java.util.Map;
import org.apache.pekko.actor.typed.ActorRef;
import org.rekindle.data.lanes.LaneCursor;

/** What the coordinator tells a worker. Messages reach one worker in the order they were sent. */
public sealed interface WorkerCommand extends ControlMessage {

    /**
     * The answer to {@link CoordinatorCommand.Join}: the worker is known, and an {@link Assignment} follows when there is a lane for it.
     *
     * @param coordinator who answers; a worker that sees it go joins its successor
     */
    record Joined(ActorRef<CoordinatorCommand> coordinator) implements WorkerCommand {}

    /**
     * A generation begins. The worker drops whatever it has in flight for an older one. It connects to {@code peers}; where
     * {@code transfer} says so, state goes from one rank to others before anything else. Unless {@code hold}, the worker then computes step
     * {@code committed + 1} and answers with {@link CoordinatorCommand.StepReady}.
     *
     * @param generation number of the generation, growing
     * @param rank the receiver's rank, from 0
     * @param workers ranks of the generation
     * @param lanes the receiver's lanes
     * @param totalLanes lanes of the run
     * @param committed the newest committed step
     * @param cursors where lanes stand after that step: all of the run for the first ranks, the receiver's for the others
     * @param checkpoint rank 0 snapshots at {@code committed} before anything else and answers with
     *     {@link CoordinatorCommand.CheckpointCommitted}
     * @param hold wait for the next message instead of computing
     * @param peers addresses of the generation's workers, in the order of their ranks
     * @param transfer who gives the training state to whom
     * @param secret what the generation's workers, and nobody else, say to each other when their ring connects
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
            List<String> peers,
            Transfer transfer,
            long secret)
            implements WorkerCommand {}

    /**
     * How the workers of a generation come to equal weights, moments and averages.
     *
     * @param source rank that gives its state
     * @param receivers ranks that take it; empty where all have it
     * @param checkpoint folder of a checkpoint that every rank loads instead; null for none
     */
    record Transfer(int source, List<Integer> receivers, String checkpoint) {

        public static final Transfer NONE = new Transfer(0, List.of(), null);
    }

    /**
     * Phase two: the step is in the ledger. The worker applies it, then, unless {@code hold}, computes the next one. Nobody waits
     * for an answer.
     *
     * @param generation the generation that computed the step
     * @param step the committed step
     * @param apply false where the step is skipped because loss or gradients are not finite: its examples are consumed, the weights
     *     stay as they were
     * @param cursors where lanes stand after the step: all of the run for the first ranks, the receiver's for the others
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

package org.rekindle.coordinator.protocol;

import java.util.Map;
import org.apache.pekko.actor.typed.ActorRef;
import org.rekindle.coordinator.ledger.LedgerEntry;

/** What the coordinator is told. What is not {@link Drain}, {@link Look}, {@link SaveNow} or {@link Internal} comes from workers. */
public sealed interface CoordinatorCommand extends ControlMessage {

    /**
     * A node is there and asks what to start from. Answered with {@link EnterAnswer}.
     *
     * @param node its rank, as its launcher says
     * @param protocol its {@link EnterAnswer#PROTOCOL}; 0 from a version that did not say so yet
     * @param configuration what the run's numbers depend on, see {@code RunConfig.identity}
     * @param replyTo who asks; asking again is answered again
     */
    record Enter(int node, int protocol, Map<String, String> configuration, ActorRef<EnterAnswer> replyTo)
            implements CoordinatorCommand {}

    /**
     * A worker is there and wants lanes. The coordinator watches it from now on and answers with {@link WorkerCommand.Joined};
     * {@link WorkerCommand.Assignment} follows at the next step boundary, or {@link WorkerCommand.Stop} once the run has ended. A worker
     * that finds no lane left waits as a spare until another one is lost. Sent again until there is an answer; repetitions change nothing.
     * A coordinator that takes over learns from these messages what the run has committed.
     *
     * @param worker who joins
     * @param node rank of its node: ranks of a generation follow it, and rank 0 writes the checkpoints
     * @param address host and port where the ring's other workers reach it; empty for a worker that is alone
     * @param state what it holds
     */
    record Join(ActorRef<WorkerCommand> worker, int node, String address, WorkerState state)
            implements CoordinatorCommand {}

    /**
     * The worker is to go, as its machine is: it finishes the step in flight, which nobody replays. Answered with
     * {@link WorkerCommand.Stop} at the step boundary. When nobody would be left, the run is drained.
     *
     * @param worker who leaves
     * @param reason why, such as {@code SIGTERM}
     * @param notice seconds from here until the machine ends; 0 where nobody said
     */
    record Leave(ActorRef<WorkerCommand> worker, String reason, double notice) implements CoordinatorCommand {}

    /**
     * The collective of a generation came to its end before its step was there. The coordinator forms the next generation: without
     * {@code suspect} where nothing listens at its address any more, otherwise of the same workers.
     *
     * @param generation whose collective it was
     * @param suspect rank of the worker that seems to be lost; -1 where none is known
     * @param line what was seen
     */
    record CollectiveLost(long generation, int suspect, String line) implements CoordinatorCommand {}

    /**
     * Phase one: the worker holds the reduced gradients of a step and has not applied them. Answered with
     * {@link WorkerCommand.Commit} once every rank of the generation has said so, or with {@link WorkerCommand.Abort} when one of
     * them is lost first. Sent again until there is an answer, since messages may be lost: a repetition after the decision is answered with
     * the same {@code Commit}. Other repetitions and messages of older generations are ignored.
     *
     * @param generation the generation that computed the step
     * @param step the optimizer step, from 1
     * @param rank the sender's rank in that generation
     * @param lossSum sum over the sender's lanes of the mean loss of a lane's batch
     * @param gradientNorm L2 norm of the reduced gradients before clipping
     * @param finite whether loss and gradients are finite numbers; one false skips the step on all ranks
     * @param lanes the sender's lanes, each with the examples it gave
     * @param stages where the sender's time went
     */
    record StepReady(
            long generation,
            long step,
            int rank,
            double lossSum,
            double gradientNorm,
            boolean finite,
            Map<Integer, LedgerEntry.Range> lanes,
            StepStages stages)
            implements CoordinatorCommand {}

    /**
     * Rank 0 has tried the weights after a step on the held-out examples. Nobody answers; the listeners hear of it.
     *
     * @param step the committed step
     * @param loss mean loss over the examples
     */
    record Validated(long step, double loss) implements CoordinatorCommand {}

    /**
     * A checkpoint is complete on disk. Answered with {@link WorkerCommand.Stop} to all when it is the one that ends the run;
     * otherwise nobody answers. Sent again while the sender waits for what follows; repetitions change nothing.
     *
     * @param step the checkpoint's step
     */
    record CheckpointCommitted(long step) implements CoordinatorCommand {}

    /**
     * A worker met what another worker would meet too, such as a missing shard or a full disk. The coordinator ends the run:
     * every worker gets {@link WorkerCommand.Stop}.
     *
     * @param line what, where, what to do, in one line
     */
    record WorkerFailed(String line) implements CoordinatorCommand {}

    /**
     * Finish the step in flight, commit a checkpoint, stop. Nobody answers; the workers get {@link WorkerCommand.Stop} when the
     * checkpoint is on disk, or when there is no time left for that. Asking twice changes nothing. A node that a signal asked says it again
     * until the run has ended, for coordinators that take over.
     *
     * @param reason who asks, such as {@code SIGTERM}
     * @param notice seconds from here until the machines end; 0 where nobody said
     */
    record Drain(String reason, double notice) implements CoordinatorCommand {}

    /** How does the run do? Answered with {@link RunView}. */
    record Look(ActorRef<RunView> replyTo) implements CoordinatorCommand {}

    /** Save a checkpoint after the step in flight. Nobody answers; {@link RunView#saved} shows it. Asking twice changes nothing. */
    record SaveNow(String reason) implements CoordinatorCommand {}

    /** What a coordinator tells itself. */
    non-sealed interface Internal extends CoordinatorCommand {}
}

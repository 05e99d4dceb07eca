package org.rekindle.worker.training;

import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.protocol.StepStages;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.worker.training.TrainingSession.StepResult;

/**
 * A worker's side of the step protocol (DESIGN 3.2): never blocks, turns the coordinator's messages into work for the
 * {@link TrainingThread} and its results into answers. It joins once its session is there.
 */
final class WorkerActor extends AbstractBehavior<WorkerActor.Command> {

    /** What a worker reacts to. */
    sealed interface Command {}

    /** The coordinator speaks; see {@link WorkerCommand} for who answers what. */
    record Told(WorkerCommand message) implements Command {}

    /** From the training thread, once: weights are loaded. The worker joins the run. */
    record SessionReady() implements Command {}

    /** From the training thread, in answer to {@link TrainingThread.Compute}. The coordinator gets {@code StepReady}. */
    record GradientsReady(
            long generation, long step, StepResult result, Map<Integer, LedgerEntry.Range> lanes, StepStages stages)
            implements Command {}

    /** In answer to {@link TrainingThread.Validate}. The coordinator gets {@code Validated}. */
    record Validated(long step, double loss) implements Command {}

    /** A checkpoint is on disk, in answer to {@link TrainingThread.Save}. The coordinator gets {@code CheckpointCommitted}. */
    record CheckpointWritten(long step) implements Command {}

    /** The training thread or the checkpoint's writer failed. The coordinator gets {@code WorkerFailed} and ends the run. */
    record Failed(String line) implements Command {}

    /** The generation's ring is gone. The coordinator gets {@code CollectiveLost}. */
    record CollectiveLost(long generation, String line) implements Command {}

    private record GraceOver() implements Command {}

    /** How long the training thread may take to close; samples are drawn after the last step of a complete run. */
    private static final Duration GRACE = Duration.ofSeconds(30);

    private static final Duration GRACE_COMPLETED = Duration.ofMinutes(10);

    private final ActorRef<CoordinatorCommand> coordinator;
    private final ActorRef<Outcome> owner;
    private final ActorRef<TrainingThread.Command> thread;
    private final WorkerLanes lanes;
    private final int node;
    private final WorkerRing ring;
    private final TimerScheduler<Command> timers;
    private long committed;
    private WorkerCommand.Assignment assignment;
    private boolean joined;
    private boolean inFlight; // the thread computes a step or holds its gradients
    private Outcome outcome;

    /** Makes the behaviour of the training thread of a worker. */
    interface ThreadFactory {
        Behavior<TrainingThread.Command> create(ActorRef<Command> worker);
    }

    /**
     * @param coordinator the singleton's proxy
     * @param committed the step whose weights the session starts with
     * @param node rank of this node
     * @param ring where this worker meets the others
     * @param owner told once how the run ended, after which this actor stops
     */
    static Behavior<Command> create(
            ActorRef<CoordinatorCommand> coordinator,
            long committed,
            WorkerLanes lanes,
            int node,
            WorkerRing ring,
            ThreadFactory thread,
            ActorRef<Outcome> owner) {
        return Behaviors.setup(context -> Behaviors.withTimers(
                timers -> new WorkerActor(context, timers, coordinator, committed, lanes, node, ring, thread, owner)));
    }

    private WorkerActor(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            ActorRef<CoordinatorCommand> coordinator,
            long committed,
            WorkerLanes lanes,
            int node,
            WorkerRing ring,
            ThreadFactory thread,
            ActorRef<Outcome> owner) {
        super(context);
        this.node = node;
        this.ring = ring;
        this.timers = timers;
        this.coordinator = coordinator;
        this.committed = committed;
        this.lanes = lanes;
        this.owner = owner;
        this.thread = context.spawn(
                thread.create(context.getSelf()), "training", DispatcherSelector.fromConfig(TrainingThread.DISPATCHER));
        context.watch(this.thread);
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(SessionReady.class, ready -> join())
                .onMessage(Told.class, told -> told(told.message()))
                .onMessage(GradientsReady.class, this::gradientsReady)
                .onMessage(Validated.class, validated -> {
                    coordinator.tell(new CoordinatorCommand.Validated(validated.step(), validated.loss()));
                    return this;
                })
                .onMessage(CheckpointWritten.class, written -> {
                    coordinator.tell(new CoordinatorCommand.CheckpointCommitted(written.step()));
                    return this;
                })
                .onMessage(CollectiveLost.class, this::collectiveLost)
                .onMessage(Failed.class, failed -> failed(failed.line()))
                .onMessage(GraceOver.class, over -> {
                    getContext().getLog().warn("the training thread did not close in time; leaving it behind");
                    return leave();
                })
                .onSignal(Terminated.class, gone -> outcome == null ? threadDied() : leave())
                .build();
    }

    private Behavior<Command> join() {
        joined = true;
        coordinator.tell(new CoordinatorCommand.Join(
                getContext().messageAdapter(WorkerCommand.class, Told::new), node, ring.address()));
        return this;
    }

    private Behavior<Command> told(WorkerCommand message) {
        if (outcome != null) {
            return this;
        }
        if (message instanceof WorkerCommand.Assignment assigned) {
            return begin(assigned);
        } else if (message instanceof WorkerCommand.Commit commit) {
            return commit(commit);
        } else if (message instanceof WorkerCommand.Abort abort) {
            ring.abort(abort.generation());
            drop();
            return this;
        } else {
            return stop(((WorkerCommand.Stop) message).outcome());
        }
    }

    private Behavior<Command> begin(WorkerCommand.Assignment assigned) {
        if (assigned.committed() != committed) {
            return failed(
                    "this worker has the weights of step %d and the run is at step %d: start it from the newest checkpoint"
                            .formatted(committed, assigned.committed()));
        }
        drop();
        assignment = assigned;
        Map<Integer, LaneCursor> own = new TreeMap<>();
        assigned.lanes().forEach(lane -> own.put(lane, assigned.cursors().get(lane)));
        thread.tell(new TrainingThread.Assign(
                assigned.generation(), assigned.rank(), own, assigned.totalLanes(), assigned.peers()));
        goOn(assigned.cursors(), assigned.checkpoint(), assigned.hold());
        return this;
    }

    private Behavior<Command> commit(WorkerCommand.Commit commit) {
        thread.tell(new TrainingThread.Settle(commit.step(), commit.apply()));
        inFlight = false;
        committed = commit.step();
        if (assignment.rank() == 0) {
            thread.tell(
                    new TrainingThread.Validate(committed)); // before a checkpoint, so that a resumed run lacks none
        }
        goOn(commit.cursors(), commit.checkpoint(), commit.hold());
        return this;
    }

    private void goOn(Map<Integer, LaneCursor> cursors, boolean checkpoint, boolean hold) {
        if (checkpoint && assignment.rank() == 0) {
            thread.tell(new TrainingThread.Save(committed, cursors));
        }
        if (!hold) {
            inFlight = true;
            thread.tell(new TrainingThread.Compute(assignment.generation(), committed + 1));
        }
    }

    private void drop() {
        if (inFlight) {
            inFlight = false;
            thread.tell(new TrainingThread.Drop());
        }
    }

    /** After an abort everybody knows. */
    private Behavior<Command> collectiveLost(CollectiveLost lost) {
        if (outcome == null && lost.generation() == assignment.generation()) {
            inFlight = false;
            coordinator.tell(new CoordinatorCommand.CollectiveLost(lost.generation(), lost.line()));
        }
        return this;
    }

    private Behavior<Command> gradientsReady(GradientsReady ready) {
        if (ready.generation() == assignment.generation()) {
            coordinator.tell(new CoordinatorCommand.StepReady(
                    ready.generation(),
                    ready.step(),
                    assignment.rank(),
                    ready.result().lossSum(),
                    ready.result().gradientNorm(),
                    ready.result().finite(),
                    ready.lanes(),
                    ready.stages()));
        }
        return this;
    }

    /** A worker that fails before it has joined is nobody's loss but its own. */
    private Behavior<Command> failed(String line) {
        if (outcome != null) {
            getContext().getLog().warn(line);
        } else if (joined) {
            coordinator.tell(new CoordinatorCommand.WorkerFailed(line));
        } else {
            stop(Outcome.failed(line));
        }
        return this;
    }

    private Behavior<Command> threadDied() {
        outcome = Outcome.failed("the training thread ended unexpectedly; the log has more");
        return leave();
    }

    private Behavior<Command> stop(Outcome how) {
        outcome = how;
        lanes.close();
        ring.abort(Long.MAX_VALUE);
        thread.tell(new TrainingThread.Close());
        timers.startSingleTimer(new GraceOver(), how.kind() == Outcome.Kind.COMPLETED ? GRACE_COMPLETED : GRACE);
        return this;
    }

    private Behavior<Command> leave() {
        owner.tell(outcome);
        return Behaviors.stopped();
    }
}

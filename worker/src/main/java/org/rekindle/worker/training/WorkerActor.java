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
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.membership.Reachability;
import org.rekindle.coordinator.membership.Roster;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.protocol.StepStages;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.coordinator.protocol.WorkerState;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.worker.training.TrainingSession.StepResult;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A worker's side of the step protocol (DESIGN 3.2): never blocks, turns the coordinator's messages into work for the
 * {@link TrainingThread} and its results into answers. It joins once its session is there, and again when it sees the coordinator go; what
 * it holds ready stays until the new one decides on it.
 */
final class WorkerActor extends AbstractBehavior<WorkerActor.Command> {

    /** What a worker reacts to. */
    sealed interface Command {}

    /** The coordinator speaks; see {@link WorkerCommand} for who answers what. */
    record Told(WorkerCommand message) implements Command {}

    /**
     * From the training thread, once: weights are loaded. The worker joins the run.
     *
     * @param start whose weights they are
     */
    record SessionReady(TrainerState start) implements Command {}

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
    record CollectiveLost(long generation, int suspect, String line) implements Command {}

    /** The weights are whole again, in answer to {@link TrainingThread.Assign}. */
    record StateTaken(long generation) implements Command {}

    /** This node is to go, in so many seconds at the latest; 0 where nobody said. The coordinator gets {@code Leave}; the owner is told when that is done. */
    record Leave(String reason, double notice) implements Command {}

    private record JoinAgain() implements Command {}

    private record ReadyAgain(CoordinatorCommand.StepReady message) implements Command {}

    private record WrittenAgain(CheckpointWritten written) implements Command {}

    private record GraceOver() implements Command {}

    private static final Logger LOG = LoggerFactory.getLogger(WorkerActor.class);

    /** How long the training thread may take to close; samples are drawn after the last step of a complete run. */
    private static final Duration GRACE = Duration.ofSeconds(30);

    /** The checkpoint is on disk, or there is no time for it: what is left of a notice is for SLURM. */
    private static final Duration GRACE_DRAINED = Duration.ofSeconds(8);

    private static final Duration GRACE_COMPLETED = Duration.ofMinutes(10);

    /** A coordinator that was about to go may not have heard. */
    private static final Duration JOIN_EVERY = Duration.ofSeconds(2);

    private static final int MAX_UNANSWERED = 60;

    /** What was sent over a connection that breaks is lost, even where nobody is. */
    private static final Duration SAY_EVERY = Duration.ofSeconds(5);

    private final ActorRef<CoordinatorCommand> coordinator;
    private final ActorRef<Outcome> owner;
    private final ActorRef<TrainingThread.Command> thread;
    private final WorkerLanes lanes;
    private final int node;
    private final WorkerRing ring;
    private final TimerScheduler<Command> timers;
    private final ActorRef<WorkerCommand> self;
    private ActorRef<CoordinatorCommand> leader; // who answered the last join; null while nobody has
    private long committed;
    private boolean whole = true; // the weights are those of the committed step
    private boolean skipped;
    private long ready = -1; // the step whose reduced gradients are held
    private Map<Integer, LaneCursor> cursors;
    private WorkerCommand.Assignment assignment;
    private boolean joined;
    private int unanswered; // joins
    private CoordinatorCommand.Leave leaving; // told every coordinator; null for one that stays
    private boolean inFlight; // the thread computes a step or holds its gradients
    private Outcome outcome;

    /** Makes the behaviour of the training thread of a worker. */
    interface ThreadFactory {
        Behavior<TrainingThread.Command> create(ActorRef<Command> worker);
    }

    /**
     * @param coordinator the singleton's proxy
     * @param start the state that the run was at when it let this node in
     * @param node rank of this node
     * @param ring where this worker meets the others
     * @param owner told once how the run ended, after which this actor stops
     */
    static Behavior<Command> create(
            ActorRef<CoordinatorCommand> coordinator,
            TrainerState start,
            WorkerLanes lanes,
            int node,
            WorkerRing ring,
            ThreadFactory thread,
            ActorRef<Outcome> owner) {
        return Behaviors.setup(context -> Behaviors.withTimers(
                timers -> new WorkerActor(context, timers, coordinator, start, lanes, node, ring, thread, owner)));
    }

    private WorkerActor(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            ActorRef<CoordinatorCommand> coordinator,
            TrainerState start,
            WorkerLanes lanes,
            int node,
            WorkerRing ring,
            ThreadFactory thread,
            ActorRef<Outcome> owner) {
        super(context);
        this.self = context.messageAdapter(WorkerCommand.class, Told::new);
        this.node = node;
        this.ring = ring;
        this.timers = timers;
        this.coordinator = coordinator;
        this.committed = start.step();
        this.cursors = start.cursors();
        this.lanes = lanes;
        this.owner = owner;
        this.thread = context.spawn(
                thread.create(context.getSelf()), "training", DispatcherSelector.fromConfig(TrainingThread.DISPATCHER));
        context.watch(this.thread);
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(SessionReady.class, there -> {
                    committed = there.start().step();
                    cursors = there.start().cursors();
                    return join();
                })
                .onMessage(JoinAgain.class, again -> join())
                .onMessage(StateTaken.class, taken -> {
                    whole |= taken.generation() == assignment.generation();
                    return this;
                })
                .onMessage(Leave.class, this::leaveRun)
                .onMessage(Told.class, told -> told(told.message()))
                .onMessage(GradientsReady.class, this::gradientsReady)
                .onMessage(ReadyAgain.class, again -> ready(again.message()))
                .onMessage(Validated.class, validated -> {
                    coordinator.tell(new CoordinatorCommand.Validated(validated.step(), validated.loss()));
                    return this;
                })
                .onMessage(CheckpointWritten.class, this::checkpointWritten)
                .onMessage(WrittenAgain.class, again -> writtenAgain(again.written()))
                .onMessage(CollectiveLost.class, this::collectiveLost)
                .onMessage(Failed.class, failed -> failed(failed.line()))
                .onMessage(GraceOver.class, over -> {
                    LOG.warn("the training thread did not close in time; leaving it behind");
                    return leave();
                })
                .onSignal(Terminated.class, gone -> gone.getRef().equals(thread) ? threadEnded() : leaderGone())
                .build();
    }

    /** Until there is an answer. */
    private Behavior<Command> join() {
        joined = true;
        if (unanswered++ == MAX_UNANSWERED) {
            return stop(Outcome.failed("no coordinator has answered for "
                    + JOIN_EVERY.multipliedBy(MAX_UNANSWERED).toMinutes() + " minutes; start this worker again"));
        }
        if (outcome == null) {
            long generation = assignment == null ? 0 : assignment.generation();
            WorkerState state =
                    new WorkerState(generation, whole ? committed : Roster.NO_WEIGHTS, skipped, ready, cursors);
            coordinator.tell(new CoordinatorCommand.Join(self, node, ring.address(), state));
            timers.startSingleTimer(new JoinAgain(), JOIN_EVERY);
        }
        return this;
    }

    private Behavior<Command> joined(ActorRef<CoordinatorCommand> by) {
        timers.cancel(new JoinAgain());
        unanswered = 0;
        if (!by.equals(leader)) {
            if (leader != null) {
                getContext().unwatch(leader);
            }
            leader = by;
            getContext().watch(by);
            if (leaving != null) {
                coordinator.tell(leaving);
            }
        }
        return this;
    }

    private Behavior<Command> leaderGone() {
        if (outcome != null) {
            return this;
        }
        LOG.info("the coordinator is gone; waiting for another one");
        leader = null;
        return join();
    }

    private Behavior<Command> leaveRun(Leave leave) {
        if (joined) {
            leaving = new CoordinatorCommand.Leave(self, leave.reason(), leave.notice());
            coordinator.tell(leaving);
            return this;
        }
        return stop(Outcome.left(committed));
    }

    private Behavior<Command> told(WorkerCommand message) {
        if (outcome != null) {
            return this;
        }
        if (message instanceof WorkerCommand.Joined by) {
            return joined(by.coordinator());
        } else if (message instanceof WorkerCommand.Assignment assigned) {
            return begin(assigned);
        } else if (message instanceof WorkerCommand.Commit commit) {
            return commit(commit);
        } else if (message instanceof WorkerCommand.Abort abort) {
            ring.abort(abort.generation());
            if (assignment != null && abort.generation() == assignment.generation()) {
                drop();
            }
            return this;
        } else {
            return stop(((WorkerCommand.Stop) message).outcome());
        }
    }

    private Behavior<Command> begin(WorkerCommand.Assignment assigned) {
        WorkerCommand.Transfer transfer = assigned.transfer();
        boolean takes = transfer.checkpoint() != null || transfer.receivers().contains(assigned.rank());
        if (!takes && !(whole && assigned.committed() == committed)) {
            return failed(
                    "this worker has the weights of step %d and the run is at step %d: start it from the newest checkpoint"
                            .formatted(committed, assigned.committed()));
        }
        drop();
        ring.abort(assigned.generation() - 1); // the thread may still wait there for one that is lost
        assignment = assigned;
        committed = assigned.committed();
        cursors = assigned.cursors();
        whole = !takes;
        Map<Integer, LaneCursor> own = new TreeMap<>();
        assigned.lanes().forEach(lane -> own.put(lane, assigned.cursors().get(lane)));
        thread.tell(new TrainingThread.Assign(
                assigned.generation(),
                assigned.rank(),
                own,
                assigned.totalLanes(),
                assigned.peers(),
                transfer,
                assigned.secret()));
        goOn(assigned.checkpoint(), assigned.hold());
        return this;
    }

    /** A decision that comes again, as from a coordinator that took over, changes nothing. */
    private Behavior<Command> commit(WorkerCommand.Commit commit) {
        if (commit.step() != ready || commit.generation() != assignment.generation()) {
            return this;
        }
        thread.tell(new TrainingThread.Settle(commit.step(), commit.apply()));
        inFlight = false;
        ready = -1;
        skipped = !commit.apply();
        cursors = commit.cursors();
        committed = commit.step();
        if (assignment.rank() == 0) {
            thread.tell(
                    new TrainingThread.Validate(committed)); // before a checkpoint, so that a resumed run lacks none
        }
        goOn(commit.checkpoint(), commit.hold());
        return this;
    }

    private void goOn(boolean checkpoint, boolean hold) {
        if (checkpoint && assignment.rank() == 0) {
            thread.tell(new TrainingThread.Save(assignment.generation(), committed, cursors));
        } else if (checkpoint) {
            thread.tell(new TrainingThread.Contribute(assignment.generation()));
        }
        if (!hold) {
            inFlight = true;
            thread.tell(new TrainingThread.Compute(assignment.generation(), committed + 1));
        }
    }

    private void drop() {
        ready = -1;
        if (inFlight) {
            inFlight = false;
            thread.tell(new TrainingThread.Drop());
        }
    }

    /** After an abort everybody knows; and it may be the coordinator's process that is gone. */
    private Behavior<Command> collectiveLost(CollectiveLost lost) {
        if (outcome == null && lost.generation() == assignment.generation()) {
            inFlight = false;
            coordinator.tell(new CoordinatorCommand.CollectiveLost(lost.generation(), lost.suspect(), lost.line()));
            if (leader != null) {
                Reachability.downIfGone(getContext().getSystem(), leader.path().address());
            }
        }
        return this;
    }

    private Behavior<Command> gradientsReady(GradientsReady computed) {
        if (computed.generation() == assignment.generation() && inFlight) {
            ready = computed.step();
            return ready(new CoordinatorCommand.StepReady(
                    computed.generation(),
                    computed.step(),
                    assignment.rank(),
                    computed.result().lossSum(),
                    computed.result().gradientNorm(),
                    computed.result().finite(),
                    computed.lanes(),
                    computed.stages()));
        }
        return this;
    }

    /** Until it is decided. */
    private Behavior<Command> ready(CoordinatorCommand.StepReady message) {
        if (outcome == null && message.step() == ready && message.generation() == assignment.generation()) {
            coordinator.tell(message);
            timers.startSingleTimer(ReadyAgain.class, new ReadyAgain(message), SAY_EVERY);
        }
        return this;
    }

    private Behavior<Command> checkpointWritten(CheckpointWritten written) {
        coordinator.tell(new CoordinatorCommand.CheckpointCommitted(written.step()));
        timers.startSingleTimer(WrittenAgain.class, new WrittenAgain(written), SAY_EVERY);
        return this;
    }

    /** Where the run waits for it; while the next step is computed, nobody does. */
    private Behavior<Command> writtenAgain(CheckpointWritten written) {
        return outcome == null && written.step() == committed && !inFlight ? checkpointWritten(written) : this;
    }

    /** A worker that fails before it has joined is nobody's loss but its own. */
    private Behavior<Command> failed(String line) {
        if (outcome != null) {
            LOG.warn(line);
        } else if (joined) {
            coordinator.tell(new CoordinatorCommand.WorkerFailed(line));
        } else {
            stop(Outcome.failed(line));
        }
        return this;
    }

    private Behavior<Command> threadEnded() {
        if (outcome != null) {
            return leave();
        }
        outcome = Outcome.failed("the training thread ended unexpectedly; the log has more");
        return leave();
    }

    private Behavior<Command> stop(Outcome how) {
        outcome = how;
        lanes.close();
        ring.abort(Long.MAX_VALUE);
        thread.tell(new TrainingThread.Close());
        timers.startSingleTimer(new GraceOver(), grace(how));
        return this;
    }

    private static Duration grace(Outcome how) {
        return switch (how.kind()) {
            case COMPLETED -> GRACE_COMPLETED;
            case DRAINED -> GRACE_DRAINED;
            default -> GRACE;
        };
    }

    private Behavior<Command> leave() {
        owner.tell(outcome);
        return Behaviors.stopped();
    }
}

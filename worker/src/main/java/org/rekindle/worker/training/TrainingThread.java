package org.rekindle.worker.training;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.protocol.StepStages;
import org.rekindle.coordinator.protocol.WorkerCommand.Transfer;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.worker.collectives.Collective;
import org.rekindle.worker.collectives.CollectiveAbortedException;
import org.rekindle.worker.collectives.PeerLostException;
import org.rekindle.worker.training.TrainingSession.Snapshot;
import org.rekindle.worker.training.TrainingSession.StepResult;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread of a worker that may block: it waits for batches, runs native code and owns the {@link TrainingSession} from its
 * making to its close. An actor on a pinned dispatcher of its own ({@link #DISPATCHER}), so that heartbeats never wait for it. It
 * decides nothing; {@link WorkerActor} tells it what to do, one thing after the other.
 */
final class TrainingThread extends AbstractBehavior<TrainingThread.Command> {

    /** Configuration path of its dispatcher. */
    static final String DISPATCHER = "rekindle.training-dispatcher";

    /** What the worker tells its training thread. Whatever fails is answered with {@link WorkerActor.Failed}, once. */
    sealed interface Command {}

    /**
     * Own these lanes from now on, reduce over these workers, and take or give the training state where the transfer says so; whoever took it
     * answers with {@link WorkerActor.StateTaken}. Answered with {@link WorkerActor.CollectiveLost} where they do not come together.
     *
     * @param lanes each with where it goes on
     * @param totalLanes lanes of the run
     * @param peers addresses of the generation's workers
     * @param secret by which they know each other
     */
    record Assign(
            long generation,
            int rank,
            Map<Integer, LaneCursor> lanes,
            int totalLanes,
            List<String> peers,
            Transfer transfer,
            long secret)
            implements Command {}

    /** Compute the gradients of a step; answered with {@link WorkerActor.GradientsReady} when they are there. */
    record Compute(long generation, long step) implements Command {}

    /** The computed step is committed: apply it, or drop its gradients where it is skipped. Not answered. */
    record Settle(long step, boolean apply) implements Command {}

    /** Try the weights, which are those after {@code step}; answered with {@link WorkerActor.Validated} where it is due. */
    record Validate(long step) implements Command {}

    /** The computed step is aborted: drop its gradients, keep its batches for the replay. Not answered. */
    record Drop() implements Command {}

    /**
     * Snapshot the weights, which are those after {@code step}, and write a checkpoint behind the training; answered with
     * {@link WorkerActor.CheckpointWritten} when it is on disk. Waits for a checkpoint that is still being written.
     */
    record Save(long generation, long step, Map<Integer, LaneCursor> cursors) implements Command {}

    /** Rank 0 takes a snapshot: give what it lacks. Not answered. */
    record Contribute(long generation) implements Command {}

    /** Wait for a checkpoint being written, close the session and stop. */
    record Close() implements Command {}

    private static final Logger LOG = LoggerFactory.getLogger(TrainingThread.class);

    private final ActorRef<WorkerActor.Command> worker;
    private final WorkerLanes lanes;
    private final WorkerRing ring;
    private long assigned;
    private long joined; // the generation whose ring is connected
    private final CheckpointWriter checkpoints;
    private final TrainerStates states;
    private TrainingSession session;
    private Collective collective; // of the generation; null for a worker that is alone
    private int totalLanes;
    private boolean failed;

    static Behavior<Command> create(
            ActorRef<WorkerActor.Command> worker,
            Supplier<OpenedSession> session,
            WorkerLanes lanes,
            WorkerRing ring,
            CheckpointWriter checkpoints,
            TrainerStates states) {
        return Behaviors.setup(context -> {
            TrainingThread thread = new TrainingThread(context, worker, lanes, ring, checkpoints, states);
            thread.perform(0, () -> {
                OpenedSession opened = session.get();
                thread.session = opened.session();
                thread.session.endWhere(() -> ring.isOver(thread.assigned));
                worker.tell(new WorkerActor.SessionReady(opened.start()));
            });
            return thread;
        });
    }

    private TrainingThread(
            ActorContext<Command> context,
            ActorRef<WorkerActor.Command> worker,
            WorkerLanes lanes,
            WorkerRing ring,
            CheckpointWriter checkpoints,
            TrainerStates states) {
        super(context);
        this.ring = ring;
        this.worker = worker;
        this.lanes = lanes;
        this.checkpoints = checkpoints;
        this.states = states;
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Assign.class, assign -> perform(0, () -> assign(assign)))
                .onMessage(Compute.class, compute -> perform(compute.step(), () -> compute(compute)))
                .onMessage(Settle.class, settle -> perform(settle.step(), () -> settle(settle)))
                .onMessage(Validate.class, validate -> perform(validate.step(), () -> validate(validate.step())))
                .onMessage(Drop.class, drop -> perform(0, session::discard))
                .onMessage(Save.class, save -> perform(save.step(), () -> save(save)))
                .onMessage(Contribute.class, contribute -> perform(0, () -> contribute(contribute.generation())))
                .onMessage(Close.class, close -> {
                    checkpoints.await();
                    return Behaviors.stopped();
                })
                .onSignal(PostStop.class, stop -> {
                    lanes.close();
                    ring.close();
                    if (session != null) {
                        session.close();
                    }
                    return this;
                })
                .build();
    }

    private void assign(Assign assign) {
        assigned = assign.generation();
        lanes.assign(assign.lanes());
        totalLanes = assign.totalLanes();
        Transfer transfer = assign.transfer();
        boolean takes = transfer.receivers().contains(assign.rank());
        collective = ring.join(assign.generation(), assign.rank(), assign.peers(), assign.secret());
        session.reduceOver(collective);
        if (transfer.checkpoint() != null) {
            session.restore(checkpoints.read(transfer.checkpoint()));
        }
        if (!transfer.receivers().isEmpty()) {
            session.transfer(collective, transfer.source(), takes);
        }
        joined = assigned;
        if (takes || transfer.checkpoint() != null) {
            worker.tell(new WorkerActor.StateTaken(assigned));
        }
    }

    private void compute(Compute compute) {
        if (compute.generation() != joined) {
            return;
        }
        long start = System.nanoTime();
        List<LaneBatch> batches = lanes.take();
        long taken = System.nanoTime();
        StepResult result = session.computeGradients(compute.step(), batches, totalLanes);
        long computed = System.nanoTime();
        SortedMap<Integer, LedgerEntry.Range> ranges = new TreeMap<>();
        batches.forEach(batch -> ranges.put(batch.lane(), new LedgerEntry.Range(batch.before(), batch.after())));
        double reduce = session.reduceSeconds();
        StepStages stages =
                new StepStages((taken - start) / 1e9, (computed - taken) / 1e9 - reduce, reduce, lanes.counts());
        worker.tell(new WorkerActor.GradientsReady(compute.generation(), compute.step(), result, ranges, stages));
    }

    private void settle(Settle settle) {
        if (settle.apply()) {
            session.apply(settle.step());
        } else {
            session.discard();
        }
        lanes.commit();
    }

    private void validate(long step) {
        session.validationLoss(step).ifPresent(loss -> worker.tell(new WorkerActor.Validated(step, loss)));
    }

    private void save(Save save) {
        if (save.generation() != joined) {
            return;
        }
        checkpoints.await();
        Snapshot snapshot = session.snapshot();
        checkpoints.write(
                states.at(save.step(), save.cursors(), snapshot.state()),
                save.generation(),
                snapshot,
                checkpoint -> worker.tell(new WorkerActor.CheckpointWritten(checkpoint.step())),
                thrown -> worker.tell(new WorkerActor.Failed(line(save.step(), thrown))));
    }

    private void contribute(long generation) {
        if (generation == joined) {
            session.contribute();
        }
    }

    /** After a failure nothing more is computed; what remains is to be told to close. */
    private Behavior<Command> perform(long step, Runnable action) {
        if (failed) {
            return this;
        }
        try {
            action.run();
        } catch (CancellationException closing) {
            failed = true;
        } catch (CollectiveAbortedException over) {
            LOG.info(over.getMessage());
            session.discard();
            worker.tell(new WorkerActor.CollectiveLost(assigned, suspect(over), over.getMessage()));
        } catch (RuntimeException | LinkageError | OutOfMemoryError e) {
            failed = true;
            worker.tell(new WorkerActor.Failed(line(step, e)));
        }
        return this;
    }

    private static int suspect(CollectiveAbortedException over) {
        return over instanceof PeerLostException ? over.rank() : -1;
    }

    private static String line(long step, Throwable thrown) {
        if (thrown instanceof UserException) {
            return thrown.getMessage();
        } else if (thrown instanceof OutOfMemoryError heap) {
            return OutOfMemory.ofHeap(step, heap);
        }
        LOG.error("the training failed at step {}", step, thrown);
        String what = String.valueOf(thrown).lines().findFirst().orElse("");
        return "the training failed%s: %s; the log has more".formatted(step > 0 ? " at step " + step : "", what);
    }
}

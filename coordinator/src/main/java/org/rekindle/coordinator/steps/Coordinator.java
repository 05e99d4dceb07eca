package org.rekindle.coordinator.steps;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongToDoubleFunction;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.coordinator.monitoring.StepMetrics;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.EnterAnswer;
import org.rekindle.coordinator.protocol.StepStages;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;

/**
 * Steers a run: one per cluster, a singleton on the oldest node with role {@link #ROLE}. All decisions are {@link StepProtocol}'s; this
 * actor watches the workers, appends to the ledger before anybody is told of a commit, and tells the listeners.
 *
 * <p>Threads: it writes files, so it runs on {@link #DISPATCHER}, which nothing else shares.
 */
public final class Coordinator extends AbstractBehavior<CoordinatorCommand> {

    /** Cluster role of the nodes it may run on. */
    public static final String ROLE = "coordinator";

    /** Configuration path of its dispatcher. */
    public static final String DISPATCHER = "rekindle.coordinator-dispatcher";

    private final RunPlan plan;
    private final StepProtocol<ActorRef<WorkerCommand>> protocol;
    private final Supplier<Ledger> ledgers;
    private final Reporting reporting;
    private final Entrance entrance;
    private Ledger ledger; // opened at the first step: a failure then ends the run with its line

    /**
     * How committed steps are told to the listeners.
     *
     * @param batchSize examples per lane and step
     * @param learningRate learning rate by optimizer step
     * @param listeners called from this actor, one call at a time
     */
    public record Reporting(int batchSize, LongToDoubleFunction learningRate, List<StepListener> listeners) {}

    /**
     * What the run's other nodes are told.
     *
     * @param configuration hash of this run's configuration, which theirs must have
     * @param checkpoint folder that the run goes on from
     */
    public record Entrance(String configuration, String checkpoint) {}

    /**
     * @param committed the newest committed step
     * @param cursors where each lane stands after it
     * @param ledger opens the ledger, already cut back to {@code committed}; closed when the actor stops
     */
    public static Behavior<CoordinatorCommand> create(
            RunPlan plan,
            long committed,
            Map<Integer, LaneCursor> cursors,
            Supplier<Ledger> ledger,
            Reporting reporting,
            Entrance entrance) {
        return Behaviors.setup(context -> new Coordinator(
                context, plan, new StepProtocol<>(plan, committed, cursors), ledger, reporting, entrance));
    }

    private Coordinator(
            ActorContext<CoordinatorCommand> context,
            RunPlan plan,
            StepProtocol<ActorRef<WorkerCommand>> protocol,
            Supplier<Ledger> ledgers,
            Reporting reporting,
            Entrance entrance) {
        super(context);
        this.entrance = entrance;
        this.plan = plan;
        this.protocol = protocol;
        this.ledgers = ledgers;
        this.reporting = reporting;
    }

    @Override
    public Receive<CoordinatorCommand> createReceive() {
        return newReceiveBuilder()
                .onMessage(CoordinatorCommand.Join.class, join -> {
                    getContext().watch(join.worker());
                    return perform(protocol.join(join.worker(), join.node() == 0, join.address()));
                })
                .onMessage(CoordinatorCommand.Enter.class, this::enter)
                .onMessage(
                        CoordinatorCommand.CollectiveLost.class,
                        lost -> perform(protocol.collectiveLost(lost.generation(), lost.line())))
                .onMessage(CoordinatorCommand.StepReady.class, ready -> perform(protocol.ready(ready)))
                .onMessage(CoordinatorCommand.Validated.class, this::validated)
                .onMessage(
                        CoordinatorCommand.CheckpointCommitted.class,
                        checkpoint -> perform(protocol.checkpointCommitted(checkpoint.step())))
                .onMessage(CoordinatorCommand.WorkerFailed.class, failed -> perform(protocol.fail(failed.line())))
                .onMessage(CoordinatorCommand.Drain.class, drain -> perform(protocol.drain(drain.reason())))
                .onSignal(
                        Terminated.class,
                        gone -> perform(protocol.lost(gone.getRef().unsafeUpcast())))
                .onSignal(PostStop.class, stop -> {
                    if (ledger != null) {
                        ledger.close();
                    }
                    return this;
                })
                .build();
    }

    private Behavior<CoordinatorCommand> enter(CoordinatorCommand.Enter enter) {
        boolean same = enter.configuration().equals(entrance.configuration());
        enter.replyTo()
                .tell(
                        same
                                ? new EnterAnswer.Welcome(entrance.checkpoint())
                                : new EnterAnswer.Refused(
                                        "node " + enter.node()
                                                + " has another configuration than node 0: start all nodes with the same YAML and settings"));
        return this;
    }

    private Behavior<CoordinatorCommand> perform(List<Effect<ActorRef<WorkerCommand>>> effects) {
        try {
            performOrThrow(effects);
        } catch (UserException e) {
            failWith(e.getMessage());
        } catch (RuntimeException e) {
            getContext().getLog().error("the coordinator failed", e);
            failWith("the coordinator failed: " + e + "; the log has more");
        }
        return this;
    }

    /** The workers hear of a commit before the listeners do, which may take their time. */
    private void performOrThrow(List<Effect<ActorRef<WorkerCommand>>> effects) {
        List<Runnable> reports = new ArrayList<>();
        for (Effect<ActorRef<WorkerCommand>> effect : effects) {
            if (effect instanceof Effect.Tell<ActorRef<WorkerCommand>> tell) {
                tell.worker().tell(tell.message());
            } else if (effect instanceof Effect.Append<ActorRef<WorkerCommand>> append) {
                append(append.step().entry(), append.durable());
                reports.add(() -> listeners(listener -> listener.committed(metrics(append.step(), append.durable()))));
            } else if (effect instanceof Effect.Notice<ActorRef<WorkerCommand>> notice) {
                getContext().getLog().info(notice.line());
                reports.add(() -> listeners(listener -> listener.message(notice.line())));
            } else if (effect instanceof Effect.End<ActorRef<WorkerCommand>> end) {
                getContext().getLog().info(end.outcome().line());
            }
        }
        reports.forEach(Runnable::run);
    }

    private Behavior<CoordinatorCommand> validated(CoordinatorCommand.Validated validated) {
        try {
            listeners(listener -> listener.validated(validated.step(), validated.loss()));
        } catch (UserException e) {
            failWith(e.getMessage());
        }
        return this;
    }

    private void append(LedgerEntry entry, boolean durable) {
        if (ledger == null) {
            ledger = ledgers.get();
        }
        ledger.append(entry);
        if (durable) {
            ledger.sync();
        }
    }

    private void failWith(String line) {
        for (Effect<ActorRef<WorkerCommand>> effect : protocol.fail(line)) {
            if (effect instanceof Effect.Tell<ActorRef<WorkerCommand>> tell) {
                tell.worker().tell(tell.message());
            }
        }
    }

    private void listeners(Consumer<StepListener> call) {
        reporting.listeners().forEach(call);
    }

    private StepMetrics metrics(CommittedStep step, boolean withData) {
        long number = step.entry().step();
        return new StepMetrics(
                number,
                number * plan.lanes() * reporting.batchSize(),
                step.loss(),
                reporting.learningRate().applyAsDouble(number),
                step.gradientNorm(),
                step.stages().size(),
                step.stages().stream().mapToDouble(StepStages::dataWait).max().orElse(0),
                step.entry().skipped(),
                withData ? step.data() : null);
    }
}

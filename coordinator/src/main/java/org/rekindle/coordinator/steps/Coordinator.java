package org.rekindle.coordinator.steps;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.membership.Reachability;
import org.rekindle.coordinator.monitoring.RunRecord;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.coordinator.monitoring.StepMetrics;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.EnterAnswer;
import org.rekindle.coordinator.protocol.RunView;
import org.rekindle.coordinator.protocol.StepStages;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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

    /** How long the first generation waits for those who were started with the run. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final Logger LOG = LoggerFactory.getLogger(Coordinator.class);

    private final Lead lead;
    private final StepProtocol<ActorRef<WorkerCommand>> protocol;
    private final TimerScheduler<CoordinatorCommand> timers;
    private final RunRecord record = new RunRecord();
    private Ledger ledger; // opened at the first line: a failure then ends the run with its own
    private String newest; // where the newest checkpoint is
    private List<String> told = List.of(); // where the run is to be found

    /** Enough for a node that comes to find one that is still there. */
    private static final int MAX_NODES_TOLD = 8;

    private record PatienceOver() implements CoordinatorCommand.Internal {}

    private record TimeOver(TimeLeft left) implements CoordinatorCommand.Internal {}

    /** @param then told whether it is gone, after it was counted as lost */
    private record Probed(ActorRef<WorkerCommand> worker, boolean gone, Consumer<Boolean> then)
            implements CoordinatorCommand.Internal {}

    /** @param start where the run stands; the ledger is already cut back to it */
    public static Behavior<CoordinatorCommand> create(Lead lead, RunStart start) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            timers.startSingleTimer(new PatienceOver(), PATIENCE);
            return new Coordinator(context, timers, lead, null, protocol(lead.plan(), start), start);
        }));
    }

    static StepProtocol<ActorRef<WorkerCommand>> protocol(RunPlan plan, RunStart start) {
        return new StepProtocol<>(plan, start, new SecureRandom()::nextLong);
    }

    /**
     * @param ledger open, or null
     * @param protocol that is to be driven from {@code start} on
     */
    Coordinator(
            ActorContext<CoordinatorCommand> context,
            TimerScheduler<CoordinatorCommand> timers,
            Lead lead,
            Ledger ledger,
            StepProtocol<ActorRef<WorkerCommand>> protocol,
            RunStart start) {
        super(context);
        this.timers = timers;
        this.lead = lead;
        this.ledger = ledger;
        this.protocol = protocol;
        this.newest = lead.checkpoints().location(start.saved());
        guarded(() -> {
            tellNodes(List.of(
                    address(getContext().getSystem().address()))); // a run that has begun is not one that has ended
            tellStart(start.committed());
        });
    }

    @Override
    public Receive<CoordinatorCommand> createReceive() {
        return newReceiveBuilder()
                .onMessage(CoordinatorCommand.Join.class, this::join)
                .onMessage(CoordinatorCommand.Enter.class, this::enter)
                .onMessage(CoordinatorCommand.Leave.class, this::leave)
                .onMessage(CoordinatorCommand.CollectiveLost.class, this::collectiveLost)
                .onMessage(Probed.class, this::probed)
                .onMessage(CoordinatorCommand.StepReady.class, ready -> perform(protocol.ready(ready)))
                .onMessage(CoordinatorCommand.Validated.class, this::validated)
                .onMessage(CoordinatorCommand.CheckpointCommitted.class, this::saved)
                .onMessage(CoordinatorCommand.WorkerFailed.class, failed -> perform(protocol.fail(failed.line())))
                .onMessage(CoordinatorCommand.Drain.class, this::drain)
                .onMessage(CoordinatorCommand.SaveNow.class, save -> perform(protocol.saveNow(save.reason())))
                .onMessage(CoordinatorCommand.Look.class, look -> {
                    look.replyTo().tell(view());
                    return this;
                })
                .onMessage(PatienceOver.class, over -> perform(protocol.patienceOver()))
                .onMessage(
                        TimeOver.class,
                        over -> perform(protocol.giveUp(
                                "the time is over, %s".formatted(over.left().describe()))))
                .onSignal(Terminated.class, gone -> lost(gone.getRef().unsafeUpcast()))
                .onSignal(PostStop.class, stop -> {
                    if (ledger != null) {
                        ledger.close();
                    }
                    lead.reporting().listeners().forEach(Coordinator::close);
                    lead.release().run();
                    return this;
                })
                .build();
    }

    private Behavior<CoordinatorCommand> join(CoordinatorCommand.Join join) {
        getContext().watch(join.worker());
        join.worker().tell(new WorkerCommand.Joined(getContext().getSelf()));
        return join(join, join.state().committed());
    }

    /** @param weights the step whose weights it holds */
    Behavior<CoordinatorCommand> join(CoordinatorCommand.Join join, long weights) {
        perform(protocol.join(join.worker(), join.node(), join.address(), weights));
        guarded(this::tellNodes);
        return this;
    }

    Behavior<CoordinatorCommand> drain(CoordinatorCommand.Drain drain) {
        perform(protocol.drain(drain.reason()));
        return hurry(drain.notice());
    }

    Behavior<CoordinatorCommand> leave(CoordinatorCommand.Leave leave) {
        perform(protocol.leave(leave.worker(), leave.reason()));
        return hurry(leave.notice());
    }

    /** A drain does what there is time for; the first notice counts. */
    private Behavior<CoordinatorCommand> hurry(double notice) {
        if (notice <= 0 || !protocol.state().equals("draining") || timers.isTimerActive(TimeOver.class)) {
            return this;
        }
        double save = record.saveSeconds().orElse(lead.reporting().saveSeconds());
        TimeLeft left = new TimeLeft(notice, record.stepSeconds(), save);
        timers.startSingleTimer(TimeOver.class, new TimeOver(left), left.patience());
        return switch (left.reach()) {
            case STEP_AND_SAVE -> this;
            case SAVE -> perform(protocol.dropStep(left.describe()));
            case NOTHING -> perform(protocol.giveUp(left.describe()));
        };
    }

    private Behavior<CoordinatorCommand> saved(CoordinatorCommand.CheckpointCommitted checkpoint) {
        long step = checkpoint.step();
        if (step > protocol.saved()) { // it may be said again
            newest = lead.checkpoints().location(step);
            record.event("checkpoint of step " + step);
        }
        record.saved(step).ifPresent(seconds -> guarded(() -> listeners(listener -> listener.saved(step, seconds))));
        return perform(protocol.checkpointCommitted(step));
    }

    private Behavior<CoordinatorCommand> lost(ActorRef<WorkerCommand> worker) {
        perform(protocol.lost(worker));
        guarded(this::tellNodes);
        return this;
    }

    private void tellNodes() {
        List<String> addresses = protocol.isOver()
                ? List.of()
                : protocol.members().stream()
                        .map(this::address)
                        .distinct()
                        .limit(MAX_NODES_TOLD)
                        .toList();
        tellNodes(addresses);
    }

    private void tellNodes(List<String> addresses) {
        if (!addresses.equals(told)) {
            lead.nodes().keep(addresses);
            told = addresses;
        }
    }

    private String address(ActorRef<WorkerCommand> worker) {
        Address of = worker.path().address();
        return address(of.hasGlobalScope() ? of : getContext().getSystem().address());
    }

    private static String address(Address at) {
        return at.getHost().orElse("") + ":" + at.getPort().orElse(0);
    }

    /** One that has the rank of another may be its successor, started before anybody saw that one die; or somebody's second start. */
    private Behavior<CoordinatorCommand> enter(CoordinatorCommand.Enter enter) {
        EnterAnswer answer = Entrance.answer(enter, lead.identity(), newest);
        Optional<ActorRef<WorkerCommand>> there = protocol.ofNode(enter.node());
        if (answer instanceof EnterAnswer.Refused || there.isEmpty()) {
            enter.replyTo().tell(answer);
            return this;
        }
        return probe(there.get(), gone -> {
            if (gone) {
                enter(enter);
            } else {
                enter.replyTo()
                        .tell(new EnterAnswer.Refused(
                                "worker %d of this run is there already, at %s: start each rank once"
                                        .formatted(enter.node(), address(there.get()))));
            }
        });
    }

    private Behavior<CoordinatorCommand> collectiveLost(CoordinatorCommand.CollectiveLost lost) {
        Optional<ActorRef<WorkerCommand>> suspect =
                protocol.worker(lost.generation(), lost.suspect()).filter(protocol.members()::contains);
        if (suspect.isEmpty()) {
            return perform(protocol.collectiveLost(lost.generation(), -1, lost.line()));
        }
        return probe(suspect.get(), gone -> {
            if (!gone) {
                perform(protocol.collectiveLost(lost.generation(), lost.suspect(), lost.line()));
            }
        });
    }

    /** A process that is gone refuses connections at once; the cluster needs seconds to see it. */
    private Behavior<CoordinatorCommand> probe(ActorRef<WorkerCommand> member, Consumer<Boolean> then) {
        getContext()
                .pipeToSelf(
                        Reachability.isGone(protocol.address(member)),
                        (gone, thrown) -> new Probed(member, thrown == null && gone, then));
        return this;
    }

    private Behavior<CoordinatorCommand> probed(Probed probed) {
        if (probed.gone()) {
            Reachability.down(getContext().getSystem(), probed.worker().path().address());
            lost(probed.worker());
        }
        probed.then().accept(probed.gone());
        return this;
    }

    Behavior<CoordinatorCommand> perform(List<Effect<ActorRef<WorkerCommand>>> effects) {
        guarded(() -> performOrThrow(effects));
        return this;
    }

    private void guarded(Runnable action) {
        try {
            action.run();
        } catch (UserException e) {
            failWith(e.getMessage());
        } catch (RuntimeException e) {
            LOG.error("the coordinator failed", e);
            failWith("the coordinator failed: " + e + "; the log has more");
        }
    }

    /** The workers hear of a commit before the listeners do, which may take their time. */
    private void performOrThrow(List<Effect<ActorRef<WorkerCommand>>> effects) {
        List<Runnable> reports = new ArrayList<>();
        for (Effect<ActorRef<WorkerCommand>> effect : effects) {
            if (effect instanceof Effect.Tell<ActorRef<WorkerCommand>> tell) {
                tell.worker().tell(tell.message());
            } else if (effect instanceof Effect.Append<ActorRef<WorkerCommand>> append) {
                append(append.step().entry(), append.durable());
                reports.add(() -> committed(append.step(), append.durable()));
            } else if (effect instanceof Effect.Happened<ActorRef<WorkerCommand>> happened) {
                ledger().append(happened.event());
                record.count(happened.event().event());
            } else if (effect instanceof Effect.Fence<ActorRef<WorkerCommand>> fence) {
                lead.checkpoints().fence(fence.generation());
            } else if (effect instanceof Effect.Notice<ActorRef<WorkerCommand>> notice) {
                reports.add(() -> tell(notice.line()));
            } else if (effect instanceof Effect.End<ActorRef<WorkerCommand>> end) {
                LOG.info(end.outcome().line());
                tellNodes();
            } else if (effect instanceof Effect.RollBack<ActorRef<WorkerCommand>> back) {
                reports.add(() -> rollBack(back.generation()));
            }
        }
        reports.forEach(Runnable::run);
    }

    private void committed(CommittedStep step, boolean withData) {
        StepMetrics metrics = metrics(step, withData);
        if (withData) {
            record.saving(step.entry().step());
        }
        listeners(listener -> listener.committed(metrics));
        if (metrics.skipped()) {
            record.count("skipped");
        }
        record.committed(metrics, step.entry().generation(), step.stages(), step.lanes())
                .forEach(this::tell);
    }

    private void tell(String line) {
        LOG.info(line);
        record.event(line);
        listeners(listener -> listener.message(line));
    }

    private RunView view() {
        return new RunView(
                protocol.state(),
                protocol.committed(),
                lead.plan().totalSteps(),
                lead.examples(protocol.committed()),
                record.newest().map(StepMetrics::stepLoss).orElse(Double.NaN),
                lead.reporting().learningRate().applyAsDouble(protocol.committed()),
                record.imagesPerSecond(),
                protocol.generation(),
                protocol.saved(),
                record.counts(),
                protocol.workers().stream().map(record::paced).toList(),
                protocol.cursors(),
                record.events());
    }

    private void rollBack(long generation) {
        lead.checkpoints().beginLineage(generation);
        Checkpoint checkpoint = lead.checkpoints()
                .newestValid(line -> listeners(listener -> listener.message(line)))
                .orElseThrow(() -> new UserException("no whole checkpoint is left to go back to"));
        ledger().truncate(checkpoint.step());
        Map<Integer, LaneCursor> cursors =
                ledger().tail().cursors(checkpoint.step(), checkpoint.state().cursors());
        tellStart(checkpoint.step());
        newest = lead.checkpoints().location(checkpoint.step());
        performOrThrow(protocol.rolledBack(checkpoint.step(), cursors, newest));
    }

    private Behavior<CoordinatorCommand> validated(CoordinatorCommand.Validated validated) {
        guarded(() -> listeners(listener -> listener.validated(validated.step(), validated.loss())));
        return this;
    }

    private void append(LedgerEntry entry, boolean durable) {
        ledger().append(entry);
        if (durable) {
            ledger().sync();
        }
    }

    private Ledger ledger() {
        if (ledger == null) {
            ledger = lead.ledger().get();
        }
        return ledger;
    }

    private void failWith(String line) {
        for (Effect<ActorRef<WorkerCommand>> effect : protocol.fail(line)) {
            if (effect instanceof Effect.Tell<ActorRef<WorkerCommand>> tell) {
                tell.worker().tell(tell.message());
            }
        }
    }

    private void tellStart(long step) {
        record.started(step, lead.examples(step));
        listeners(listener -> listener.started(step, lead.plan().totalSteps(), lead.examples(step)));
    }

    private void listeners(Consumer<StepListener> call) {
        lead.reporting().listeners().forEach(call);
    }

    private static void close(StepListener listener) {
        try {
            listener.close();
        } catch (RuntimeException e) {
            LOG.warn("a listener did not close", e);
        }
    }

    private StepMetrics metrics(CommittedStep step, boolean withData) {
        long number = step.entry().step();
        return new StepMetrics(
                number,
                lead.examples(number),
                step.loss(),
                lead.reporting().learningRate().applyAsDouble(number),
                step.gradientNorm(),
                step.stages().size(),
                step.stages().stream().mapToDouble(StepStages::dataWait).max().orElse(0),
                step.entry().generation(),
                step.entry().skipped(),
                withData ? step.data() : null);
    }
}

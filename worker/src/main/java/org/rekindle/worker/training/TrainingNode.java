package org.rekindle.worker.training;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.AddressFromURIString;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.ClusterEvent;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.ClusterSingleton;
import org.apache.pekko.cluster.typed.ClusterSingletonSettings;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.cluster.typed.JoinSeedNodes;
import org.apache.pekko.cluster.typed.SingletonActor;
import org.apache.pekko.cluster.typed.Subscribe;
import org.rekindle.coordinator.membership.NodePlace;
import org.rekindle.coordinator.membership.Reachability;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.EnterAnswer;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.steps.Coordinator;
import org.rekindle.data.UserException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The guardian of one node: joins the cluster, starts the coordinator's singleton, asks it what to start from, and starts this node's
 * worker.
 */
final class TrainingNode extends AbstractBehavior<TrainingNode.Command> {

    /** What a node reacts to. */
    sealed interface Command {}

    /** A signal asks for a drain; the coordinator is told until the run has ended, nobody answers. The first one counts. */
    record Drain(String reason, double notice) implements Command {}

    /** A signal asks this node to go; its worker is told, nobody answers. */
    record Leave(String reason, double notice) implements Command {}

    private record Ended(Outcome outcome) implements Command {}

    private record Answered(EnterAnswer answer) implements Command {}

    private record AskAgain() implements Command {}

    /** @param since when it was asked for */
    private record DrainAgain(Drain drain, long since) implements Command {}

    private record LookWhetherUp() implements Command {}

    private record Suspected(Address node) implements Command {}

    private static final Logger LOG = LoggerFactory.getLogger(TrainingNode.class);

    private static final Duration ASK_EVERY = Duration.ofSeconds(1);

    private static final Duration DRAIN_EVERY = Duration.ofSeconds(2);

    /** Of a notice that is over; 0 would say that there was none. */
    private static final double NO_TIME = 1e-3;

    private static final long MAX_ASKED = TrainingRun.PATIENCE.dividedBy(ASK_EVERY);

    private static final int TELL_EVERY = 30;

    /** Seconds: a node that was let in is up after two, or after seven where another one was just lost. */
    private static final int MAX_DOWN = 10;

    /** Two coordinators cannot write at a time, whatever the cluster believes: the run folder's lock is with one process. */
    private static final Duration REMOVAL_MARGIN = Duration.ofMillis(200);

    private final NodePlace place;
    private final Map<String, String> identity;
    private final Function<EnterAnswer.Welcome, WorkerFactory> workers;
    private final ActorRef<CoordinatorCommand> coordinator;
    private final CompletableFuture<Outcome> ended;
    private final TimerScheduler<Command> timers;
    private int down; // looks since it was let in and is not up
    private boolean entered;
    private int asked;
    private ActorRef<WorkerActor.Command> worker;

    /** Makes the behaviour of this node's worker. */
    interface WorkerFactory {
        Behavior<WorkerActor.Command> create(
                ActorSystem<?> system, ActorRef<CoordinatorCommand> coordinator, ActorRef<Outcome> owner);
    }

    /**
     * @param place where to join
     * @param identity what the run's numbers depend on, as this node is configured
     * @param coordinator behaviour of the coordinator, where this node is to host it
     * @param workers makes the worker's factory from what the run starts with
     * @param monitor called once, with a proxy of the coordinator
     * @param ended completed once, when this node's worker has gone
     */
    static Behavior<Command> create(
            NodePlace place,
            Map<String, String> identity,
            Behavior<CoordinatorCommand> coordinator,
            Function<EnterAnswer.Welcome, WorkerFactory> workers,
            BiConsumer<ActorSystem<?>, ActorRef<CoordinatorCommand>> monitor,
            CompletableFuture<Outcome> ended) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            TrainingNode node = new TrainingNode(context, timers, place, identity, coordinator, workers, ended);
            monitor.accept(context.getSystem(), node.coordinator);
            return node;
        }));
    }

    private TrainingNode(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            NodePlace place,
            Map<String, String> identity,
            Behavior<CoordinatorCommand> coordinator,
            Function<EnterAnswer.Welcome, WorkerFactory> workers,
            CompletableFuture<Outcome> ended) {
        super(context);
        this.timers = timers;
        this.place = place;
        this.identity = identity;
        this.workers = workers;
        this.ended = ended;
        Cluster cluster = Cluster.get(context.getSystem());
        if (place.isFirst()) {
            cluster.manager().tell(Join.create(cluster.selfMember().address()));
        } else {
            List<Address> seeds = place.seeds().stream()
                    .map(seed -> AddressFromURIString.parse(
                            "pekko://" + context.getSystem().name() + "@" + seed))
                    .toList();
            cluster.manager().tell(new JoinSeedNodes(seeds));
        }
        this.coordinator = ClusterSingleton.get(context.getSystem())
                .init(SingletonActor.of(coordinator, "coordinator")
                        .withProps(DispatcherSelector.fromConfig(Coordinator.DISPATCHER))
                        .withSettings(ClusterSingletonSettings.create(context.getSystem())
                                .withRole(Coordinator.ROLE)
                                .withRemovalMargin(REMOVAL_MARGIN)));
        ActorRef<ClusterEvent.UnreachableMember> suspected = context.messageAdapter(
                ClusterEvent.UnreachableMember.class,
                event -> new Suspected(event.member().address()));
        cluster.subscriptions().tell(new Subscribe<>(suspected, ClusterEvent.UnreachableMember.class));
        context.getSelf().tell(new LookWhetherUp());
        context.getSelf().tell(new AskAgain());
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(AskAgain.class, again -> ask())
                .onMessage(Answered.class, answered -> answered(answered.answer()))
                .onMessage(
                        Drain.class,
                        asked -> timers.isTimerActive(DrainAgain.class) ? this : drain(asked, System.nanoTime()))
                .onMessage(DrainAgain.class, again -> drain(again.drain(), again.since()))
                .onMessage(Leave.class, this::leave)
                .onMessage(LookWhetherUp.class, look -> lookWhetherUp())
                .onMessage(Suspected.class, suspected -> {
                    Reachability.downIfGone(getContext().getSystem(), suspected.node());
                    return this;
                })
                .onMessage(Ended.class, end -> {
                    ended.complete(end.outcome());
                    return this;
                })
                .onSignal(Terminated.class, gone -> {
                    ended.complete(Outcome.failed("the worker ended unexpectedly; the log has more"));
                    return this;
                })
                .build();
    }

    /** A coordinator that has heard of it ignores it; one that took over may not have. */
    private Behavior<Command> drain(Drain asked, long since) {
        if (!ended.isDone()) {
            double left = asked.notice() - (System.nanoTime() - since) / 1e9;
            coordinator.tell(
                    new CoordinatorCommand.Drain(asked.reason(), asked.notice() > 0 ? Math.max(NO_TIME, left) : 0));
            timers.startSingleTimer(DrainAgain.class, new DrainAgain(asked, since), DRAIN_EVERY);
        }
        return this;
    }

    private Behavior<Command> leave(Leave leave) {
        if (worker != null) {
            worker.tell(new WorkerActor.Leave(leave.reason(), leave.notice()));
        } else {
            ended.complete(Outcome.left(0));
        }
        return this;
    }

    /** One that has not been let in yet waits on; see {@link #ask}. */
    private Behavior<Command> lookWhetherUp() {
        Cluster cluster = Cluster.get(getContext().getSystem());
        if (cluster.selfMember().status().equals(MemberStatus.up())) {
            return this;
        }
        down = cluster.state().getMembers().iterator().hasNext() ? down + 1 : 0;
        if (down > MAX_DOWN) {
            ended.completeExceptionally(new HalfJoinedException());
        }
        timers.startSingleTimer(new LookWhetherUp(), ASK_EVERY);
        return this;
    }

    private Behavior<Command> ask() {
        if (!entered && asked == MAX_ASKED) {
            ended.complete(Outcome.failed("nobody of the run answered at " + place.seeds() + " in "
                    + TrainingRun.PATIENCE.toMinutes()
                    + " minutes: check that node 0 runs, and that MASTER_ADDR and MASTER_PORT lead there"));
        } else if (!entered) {
            if (asked++ > 0 && asked % TELL_EVERY == 0) {
                LOG.warn("waiting for the run at {}", place.seeds());
            }
            ActorRef<EnterAnswer> answers = getContext().messageAdapter(EnterAnswer.class, Answered::new);
            coordinator.tell(new CoordinatorCommand.Enter(place.rank(), EnterAnswer.PROTOCOL, identity, answers));
            timers.startSingleTimer(new AskAgain(), ASK_EVERY);
        }
        return this;
    }

    private Behavior<Command> answered(EnterAnswer answer) {
        if (entered) {
            return this;
        }
        entered = true;
        if (answer instanceof EnterAnswer.Refused refused) {
            ended.complete(Outcome.failed(refused.line()));
            return this;
        }
        try {
            ActorRef<Outcome> owner = getContext().messageAdapter(Outcome.class, Ended::new);
            Behavior<WorkerActor.Command> behavior = workers.apply((EnterAnswer.Welcome) answer)
                    .create(getContext().getSystem(), coordinator, owner);
            worker = getContext().spawn(behavior, "worker");
            getContext().watch(worker);
        } catch (UserException e) {
            ended.complete(Outcome.failed(e.getMessage()));
        }
        return this;
    }
}

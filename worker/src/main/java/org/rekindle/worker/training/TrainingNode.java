package org.rekindle.worker.training;

import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.ClusterSingleton;
import org.apache.pekko.cluster.typed.ClusterSingletonSettings;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.cluster.typed.SingletonActor;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.steps.Coordinator;

/** The guardian of one node: joins the cluster, starts the coordinator's singleton and this node's worker. */
final class TrainingNode extends AbstractBehavior<TrainingNode.Command> {

    /** What a node reacts to. */
    sealed interface Command {}

    /** A signal asks for a drain; the coordinator is told, nobody answers. */
    record Drain(String reason) implements Command {}

    private record Ended(Outcome outcome) implements Command {}

    private final ActorRef<CoordinatorCommand> coordinator;
    private final CompletableFuture<Outcome> ended;

    /** Makes the behaviour of this node's worker. */
    interface WorkerFactory {
        Behavior<WorkerActor.Command> create(
                ActorSystem<?> system, ActorRef<CoordinatorCommand> coordinator, ActorRef<Outcome> owner);
    }

    /** @param ended completed once, when this node's worker has gone */
    static Behavior<Command> create(
            Behavior<CoordinatorCommand> coordinator, WorkerFactory worker, CompletableFuture<Outcome> ended) {
        return Behaviors.setup(context -> new TrainingNode(context, coordinator, worker, ended));
    }

    private TrainingNode(
            ActorContext<Command> context,
            Behavior<CoordinatorCommand> coordinator,
            WorkerFactory worker,
            CompletableFuture<Outcome> ended) {
        super(context);
        this.ended = ended;
        Cluster cluster = Cluster.get(context.getSystem());
        cluster.manager().tell(Join.create(cluster.selfMember().address()));
        this.coordinator = ClusterSingleton.get(context.getSystem())
                .init(SingletonActor.of(coordinator, "coordinator")
                        .withProps(DispatcherSelector.fromConfig(Coordinator.DISPATCHER))
                        .withSettings(ClusterSingletonSettings.create(context.getSystem())
                                .withRole(Coordinator.ROLE)));
        ActorRef<Outcome> owner = context.messageAdapter(Outcome.class, Ended::new);
        context.watch(context.spawn(worker.create(context.getSystem(), this.coordinator, owner), "worker"));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Drain.class, drain -> {
                    coordinator.tell(new CoordinatorCommand.Drain(drain.reason()));
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
}

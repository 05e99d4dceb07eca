package org.rekindle.worker.training;

import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.rekindle.coordinator.checkpoints.Checkpoints;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.config.DistributedConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.membership.NodePlace;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.worker.collectives.Backend;
import org.rekindle.worker.collectives.RingListener;
import org.rekindle.worker.collectives.RingSettings;

/**
 * The worker of a node.
 *
 * @param start the state that the run was at when it let this node in
 * @param backend what the workers sum by
 * @param session makes the training session; called once, on the training thread
 * @param listeners hear of checkpoints that this worker writes
 */
record NodeWorker(
        RunConfig config,
        NodePlace place,
        Checkpoints checkpoints,
        TrainerState start,
        Backend backend,
        Supplier<OpenedSession> session,
        List<StepListener> listeners,
        FeedSource feeds)
        implements TrainingNode.WorkerFactory {

    private static final String CHECKPOINT_DISPATCHER = "rekindle.checkpoint-dispatcher";

    @Override
    public Behavior<WorkerActor.Command> create(
            ActorSystem<?> system, ActorRef<CoordinatorCommand> coordinator, ActorRef<Outcome> owner) {
        Executor files = system.dispatchers().lookup(DispatcherSelector.fromConfig(CHECKPOINT_DISPATCHER));
        CheckpointWriter writer = new CheckpointWriter(checkpoints, listeners, files);
        WorkerLanes lanes = new WorkerLanes(feeds.in(system, start.lanes()));
        String run = config.experiment().location() + " " + config.configurationHash();
        RingListener listener = place.nodes() == 1 ? null : RingListener.bind(place.ringAddress(), 0, run);
        WorkerRing ring = new WorkerRing(
                listener,
                RingSettings.of(config.distributed().gradientDtype().equals(DistributedConfig.BFLOAT16)),
                backend::over);
        return WorkerActor.create(
                coordinator,
                start,
                lanes,
                place.rank(),
                ring,
                worker -> TrainingThread.create(
                        worker, session, lanes, ring, writer, TrainingRun.states(config, start.lanes())),
                owner);
    }
}

package org.rekindle.worker.training;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.pekko.Done;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.rekindle.coordinator.config.MonitoringConfig;
import org.rekindle.coordinator.membership.NodePlace;
import org.rekindle.coordinator.membership.WorkerRank;
import org.rekindle.coordinator.monitoring.MonitoringServer;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.EnterAnswer;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.data.UserException;
import org.rekindle.worker.trust.Handshake;
import org.rekindle.worker.trust.NodeCredentials;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This process as a node of the run's cluster, from the joining to the end.
 *
 * @param identity what the run's numbers depend on, as this node is configured
 * @param credentials what it shows to other nodes; empty where whoever reaches it is believed
 * @param monitoring where its HTTP endpoints are
 * @param told hears where they are
 */
record ClusterNode(
        NodePlace place,
        Map<String, String> identity,
        Optional<NodeCredentials> credentials,
        MonitoringConfig monitoring,
        Consumer<String> told) {

    private static final Logger LOG = LoggerFactory.getLogger(ClusterNode.class);
    private static final int SHUTDOWN_SECONDS = 15;

    /**
     * Takes part until the run has ended or this node has left it: SIGINT and SIGUSR1 drain the run, SIGTERM lets this node leave.
     *
     * @param coordinator the coordinator's behaviour, when this node is to host it
     * @param workers makes the worker's factory from what the run starts with
     */
    @SuppressWarnings("try") // the signals are only held
    Outcome run(
            Behavior<CoordinatorCommand> coordinator,
            Function<EnterAnswer.Welcome, TrainingNode.WorkerFactory> workers) {
        double notice = DrainSignals.notice(System.getenv());
        CompletableFuture<Outcome> ended = new CompletableFuture<>();
        ActorSystem<TrainingNode.Command> system;
        try {
            system = ActorSystem.create(
                    TrainingNode.create(
                            place, identity, coordinator, workers, (node, proxy) -> monitor(node, proxy, ended), ended),
                    "rekindle",
                    settings());
        } catch (RuntimeException e) {
            throw unbindable(e);
        }
        if (!place.isFirst()) {
            Cluster cluster = Cluster.get(system);
            new JoinWatch(place.seeds(), new Handshake(credentials), () -> !cluster.selfMember()
                            .status()
                            .equals(MemberStatus.removed()))
                    .start(ended);
        }
        // not when the system has ended: remoting may wait for ever for peers that are cut off
        CoordinatedShutdown.get(system).addTask(CoordinatedShutdown.PhaseBeforeActorSystemTerminate(), "tell", () -> {
            ended.complete(Outcome.failed("the other nodes could not reach this one and go on without it;"
                    + " start it again to join them, the log has more"));
            return CompletableFuture.completedFuture(Done.done());
        });
        try (DrainSignals signals = new DrainSignals(
                place.isElastic(),
                name -> system.tell(new TrainingNode.Drain(name, notice)),
                name -> system.tell(new TrainingNode.Leave(name, notice)))) {
            try {
                return ended.get();
            } finally {
                terminate(system); // a signal must not end the process before what was decided is done
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Outcome.failed("interrupted");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof HalfJoinedException half) {
                throw half;
            }
            throw new IllegalStateException(e.getCause());
        }
    }

    private void monitor(
            ActorSystem<?> system, ActorRef<CoordinatorCommand> coordinator, CompletableFuture<Outcome> ended) {
        MonitoringServer.start(system, coordinator, monitoring, WorkerRank.local(System.getenv()))
                .whenComplete((url, thrown) -> {
                    if (thrown == null) {
                        told.accept("monitoring: " + url + "/run");
                    } else {
                        ended.complete(Outcome.failed(thrown.getCause().getMessage()));
                    }
                });
    }

    private Config settings() {
        return ConfigFactory.parseMap(Map.of(
                        "pekko.actor.provider", "cluster",
                        "pekko.remote.artery.canonical.hostname", place.host(),
                        "pekko.remote.artery.canonical.port", place.port(),
                        "pekko.remote.artery.bind.hostname", place.clusterAddress()))
                .withFallback(ConfigFactory.parseMap(
                        credentials.map(NodeCredentials::settings).orElse(Map.of())))
                .withFallback(ConfigFactory.load());
    }

    private RuntimeException unbindable(RuntimeException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof java.net.BindException
                    || cause.getClass().getSimpleName().equals("RemoteTransportException")) {
                return new UserException(
                        "port " + place.port() + " of " + place.host()
                                + " cannot be listened on: it is in use, or the address is not this machine's; set"
                                + " MASTER_ADDR and MASTER_PORT to this machine and a free port",
                        e);
            }
        }
        return e;
    }

    /** Leaves the cluster and waits for that, within bounds: a thread stuck in native code must not keep the process. */
    private static void terminate(ActorSystem<?> system) {
        system.terminate();
        try {
            system.getWhenTerminated().toCompletableFuture().get(SHUTDOWN_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            LOG.warn("the actor system did not end within {} s", SHUTDOWN_SECONDS);
        } catch (ExecutionException e) {
            LOG.warn("the actor system ended badly", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

package org.rekindle.coordinator.monitoring;

import java.time.Duration;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.Http;
import org.rekindle.coordinator.config.MonitoringConfig;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.data.UserException;

/** The HTTP endpoints of one node (DESIGN 7). They end with the actor system. */
public final class MonitoringServer {

    /** How long a request waits for the coordinator's answer, before it is told that there is none. */
    public static final Duration ANSWER = Duration.ofSeconds(3);

    private MonitoringServer() {}

    /**
     * Binds them.
     *
     * @param coordinator the run's, or a proxy of it
     * @param localRank of this process among those of its machine: its port is that many above the configured one
     * @return where they are, such as {@code http://127.0.0.1:8558}; fails with {@link UserException} when they cannot be bound
     */
    public static CompletionStage<String> start(
            ActorSystem<?> system, ActorRef<CoordinatorCommand> coordinator, MonitoringConfig config, int localRank) {
        int port = config.port() == 0 ? 0 : config.port() + localRank;
        return Http.get(system)
                .newServerAt(config.hostname(), port)
                .bind(new RunRoutes(system, coordinator, config.token()).create())
                .handle((binding, thrown) -> {
                    if (thrown != null) {
                        throw new CompletionException(new UserException(
                                "monitoring.port: " + config.hostname() + ":" + port
                                        + " cannot be listened on: it is in use, or monitoring.hostname is not this machine's;"
                                        + " choose another one, or 0 for any that is free",
                                thrown));
                    }
                    binding.addToCoordinatedShutdown(Duration.ofSeconds(1), system);
                    return "http://" + config.hostname() + ":"
                            + binding.localAddress().getPort();
                });
    }
}

package org.rekindle.coordinator.monitoring;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.http.javadsl.marshalling.sse.EventStreamMarshalling;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpCharsets;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.MediaTypes;
import org.apache.pekko.http.javadsl.model.StatusCode;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.http.javadsl.model.sse.ServerSentEvent;
import org.apache.pekko.http.javadsl.server.AllDirectives;
import org.apache.pekko.http.javadsl.server.Route;
import org.apache.pekko.management.cluster.javadsl.ClusterHttpManagementRoutes;
import org.apache.pekko.stream.javadsl.Source;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.RunView;

/** What a node answers over HTTP, by asking the run's coordinator, wherever that is. Nothing is kept here between two requests. */
final class RunRoutes extends AllDirectives {

    private static final Duration EVENTS_EVERY = Duration.ofMillis(500);
    private static final String BEARER = "Bearer ";

    private final ActorSystem<?> system;
    private final ActorRef<CoordinatorCommand> coordinator;
    private final String token;

    /** @param token that a POST must bring; null: none is allowed */
    RunRoutes(ActorSystem<?> system, ActorRef<CoordinatorCommand> coordinator, String token) {
        this.system = system;
        this.coordinator = coordinator;
        this.token = token;
    }

    Route create() {
        return concat(
                get(() -> concat(
                        path("run", () -> json(RunJson::run)),
                        path("workers", () -> json(RunJson::workers)),
                        path("lanes", () -> json(RunJson::lanes)),
                        path(
                                "metrics",
                                () -> answer(view -> complete(HttpEntities.create(
                                        ContentTypes.create(MediaTypes.TEXT_PLAIN, HttpCharsets.UTF_8),
                                        PrometheusText.of(view))))),
                        path("events", () -> completeOK(events(), EventStreamMarshalling.toEventStream())),
                        pathPrefix(
                                "health",
                                () -> concat(
                                        path("alive", () -> text(StatusCodes.OK, "alive")),
                                        path("ready", () -> answer(this::ready)))))),
                post(() -> concat(
                        path(
                                "checkpoint",
                                () -> authorized(() -> told(
                                        new CoordinatorCommand.SaveNow("POST /checkpoint"),
                                        "a checkpoint follows the step in flight"))),
                        path(
                                "drain",
                                () -> authorized(() -> told(
                                        new CoordinatorCommand.Drain("POST /drain", 0),
                                        "the run stops after a checkpoint of the step in flight"))))),
                ClusterHttpManagementRoutes.readOnly(Cluster.get(system)));
    }

    private CompletionStage<RunView> look() {
        return AskPattern.ask(coordinator, CoordinatorCommand.Look::new, MonitoringServer.ANSWER, system.scheduler());
    }

    private Route answer(Function<RunView, Route> answer) {
        return onComplete(
                this::look,
                tried -> tried.isSuccess()
                        ? answer.apply(tried.get())
                        : text(
                                StatusCodes.SERVICE_UNAVAILABLE,
                                "no coordinator answers within " + MonitoringServer.ANSWER.toSeconds()
                                        + " s; ask again"));
    }

    private Route json(Function<RunView, JsonNode> part) {
        return answer(view -> complete(HttpEntities.create(
                ContentTypes.APPLICATION_JSON, part.apply(view).toString())));
    }

    private Route ready(RunView view) {
        boolean ready = view.state().equals("running") || view.state().equals("draining");
        return text(ready ? StatusCodes.OK : StatusCodes.SERVICE_UNAVAILABLE, view.state());
    }

    private Route text(StatusCode status, String line) {
        return complete(status, line + "\n");
    }

    private Route told(CoordinatorCommand command, String line) {
        coordinator.tell(command);
        return text(StatusCodes.ACCEPTED, line);
    }

    private Route authorized(Supplier<Route> inner) {
        return optionalHeaderValueByName("Authorization", header -> {
            if (token == null) {
                return text(StatusCodes.FORBIDDEN, "monitoring.token is not set: nobody may");
            } else if (header.isEmpty() || !header.get().startsWith(BEARER)) {
                return text(StatusCodes.UNAUTHORIZED, "Authorization: Bearer TOKEN is missing");
            } else if (!isToken(header.get().substring(BEARER.length()))) {
                return text(StatusCodes.FORBIDDEN, "the token is not that of monitoring.token");
            }
            return inner.get();
        });
    }

    private boolean isToken(String given) {
        return MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), token.getBytes(StandardCharsets.UTF_8));
    }

    /** What is new, twice a second: who reads slowly hears of fewer steps, and nothing piles up for him. */
    private Source<ServerSentEvent, NotUsed> events() {
        return Source.lazySource(() -> {
                    AtomicLong seen = new AtomicLong();
                    AtomicLong step = new AtomicLong(-1);
                    return Source.tick(Duration.ZERO, EVENTS_EVERY, NotUsed.getInstance())
                            .mapAsync(
                                    1, tick -> look().thenApply(Optional::of).exceptionally(silent -> Optional.empty()))
                            .mapConcat(view ->
                                    view.map(found -> news(found, seen, step)).orElse(List.of()));
                })
                .mapMaterializedValue(lazily -> NotUsed.getInstance());
    }

    private static List<ServerSentEvent> news(RunView view, AtomicLong seen, AtomicLong step) {
        Stream<ServerSentEvent> happened = view.events().stream()
                .filter(event -> event.number() > seen.get())
                .map(event -> ServerSentEvent.create(RunJson.event(event).toString(), "event"));
        Stream<ServerSentEvent> committed = step.getAndSet(view.step()) == view.step()
                ? Stream.empty()
                : Stream.of(ServerSentEvent.create(RunJson.run(view).toString(), "run"));
        List<ServerSentEvent> news = Stream.concat(happened, committed).toList();
        view.events().stream().mapToLong(RunView.Event::number).max().ifPresent(seen::set);
        return news;
    }
}

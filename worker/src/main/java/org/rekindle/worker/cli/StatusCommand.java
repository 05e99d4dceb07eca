package org.rekindle.worker.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.rekindle.coordinator.config.CommandOptions;
import org.rekindle.data.UserException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rekindle status}. */
@Command(
        name = "status",
        description = "Tells how a run does, as any of its nodes sees it: status url=http://HOST:PORT")
final class StatusCommand implements Callable<Integer> {

    private static final Duration TIMEOUT = Duration.ofSeconds(5);

    @Mixin
    private KeyValues keyValues;

    record Options(String url) {}

    @Override
    public Integer call() throws InterruptedException {
        String url = CommandOptions.read("status", keyValues.list(), Options.class, "url")
                .url()
                .replaceAll("/(run)?/*$", "");
        JsonNode run = get(url, "/run");
        System.out.printf(
                Locale.ROOT,
                "%s, step %d of %d, %d examples seen, loss %s, lr %s, %s images/s%n",
                run.path("state").asText(),
                run.path("step").asLong(),
                run.path("total_steps").asLong(),
                run.path("examples_seen").asLong(),
                number(run.path("loss"), "%.4f"),
                number(run.path("lr"), "%.2e"),
                number(run.path("images_per_second"), "%.1f"));
        System.out.printf(
                "generation %d of %d workers, checkpoint of step %d%n",
                run.path("generation").asLong(),
                run.path("world_size").asLong(),
                run.path("checkpoint").asLong());
        System.out.printf(
                "%-5s %-5s %-22s %6s %9s %9s %9s  %s%n",
                "rank", "node", "address", "lanes", "data s", "compute s", "reduce s", "");
        for (JsonNode worker : get(url, "/workers")) {
            System.out.printf(
                    "%-5s %-5d %-22s %6d %9s %9s %9s  %s%n",
                    worker.path("rank").asInt() < 0
                            ? "spare"
                            : worker.path("rank").asText(),
                    worker.path("node").asInt(),
                    worker.path("address").asText(),
                    worker.path("lanes").size(),
                    number(worker.path("data_wait_seconds"), "%.3f"),
                    number(worker.path("compute_seconds"), "%.3f"),
                    number(worker.path("reduce_seconds"), "%.3f"),
                    worker.path("slow").isTextual()
                            ? "holds the others up: " + worker.path("slow").asText()
                            : "");
        }
        return 0;
    }

    private static String number(JsonNode value, String format) {
        return value.isNumber() ? String.format(Locale.ROOT, format, value.asDouble()) : "-";
    }

    private static JsonNode get(String url, String path) throws InterruptedException {
        try {
            HttpResponse<String> response = HttpClient.newBuilder()
                    .connectTimeout(TIMEOUT)
                    .build()
                    .send(
                            HttpRequest.newBuilder(URI.create(url + path))
                                    .timeout(TIMEOUT)
                                    .build(),
                            HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() != 200) {
                throw new UserException("url=" + url + ": " + response.body().strip());
            }
            return new ObjectMapper().readTree(response.body());
        } catch (IllegalArgumentException e) {
            throw new UserException("url=" + url + ": no URL; give http://HOST:PORT, as the run printed it", e);
        } catch (IOException e) {
            throw new UserException(
                    "url=" + url + ": no node of a run answers there; give the URL that the run printed at its start",
                    e);
        }
    }
}

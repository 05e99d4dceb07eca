package org.rekindle.coordinator.monitoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.typesafe.config.ConfigFactory;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.checkpoints.CheckpointFolder;
import org.rekindle.coordinator.config.MonitoringConfig;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.StepStages;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.coordinator.protocol.WorkerState;
import org.rekindle.coordinator.steps.Coordinator;
import org.rekindle.coordinator.steps.Lead;
import org.rekindle.coordinator.steps.RunPlan;
import org.rekindle.coordinator.steps.RunStart;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.lanes.StageCounts;

/** The endpoints of a node with a coordinator and one worker, over real sockets. */
@Timeout(60)
class MonitoringServerTest {

    private static final String TOKEN = "s3cret";

    @TempDir
    Path folder;

    private final HttpClient client = HttpClient.newHttpClient();
    private ActorTestKit kit;
    private ActorRef<CoordinatorCommand> coordinator;
    private TestProbe<WorkerCommand> worker;

    @BeforeEach
    void start() {
        kit = ActorTestKit.create(ConfigFactory.parseString("""
                        pekko.actor.provider = cluster
                        pekko.remote.artery.canonical {hostname = "127.0.0.1", port = 0}
                        pekko.cluster.jmx.enabled = off
                        """).withFallback(ConfigFactory.load()));
        Cluster cluster = Cluster.get(kit.system());
        cluster.manager().tell(Join.create(cluster.selfMember().address()));
        Lead lead = new Lead(
                0,
                new RunPlan(2, 100, 50, 1),
                Map.of(),
                () -> Ledger.open(folder.resolve("ledger.jsonl")),
                CheckpointFolder.open(folder, null),
                new Lead.Reporting(8, step -> 0.5, Double.NaN, List.of()),
                Lead.Nodes.NONE,
                () -> {});
        coordinator =
                kit.spawn(Coordinator.create(lead, RunStart.at(0, Map.of(0, LaneCursor.START, 1, LaneCursor.START))));
        worker = kit.createTestProbe();
    }

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    private String server(String token) {
        return MonitoringServer.start(kit.system(), coordinator, new MonitoringConfig(null, null, token), 0)
                .toCompletableFuture()
                .join();
    }

    private WorkerCommand.Assignment begin() {
        coordinator.tell(new CoordinatorCommand.Join(worker.getRef(), 0, "host:1", WorkerState.loaded(0, Map.of())));
        worker.expectMessageClass(WorkerCommand.Joined.class);
        return worker.expectMessageClass(WorkerCommand.Assignment.class);
    }

    private void step(WorkerCommand.Assignment assigned, int step) {
        LedgerEntry.Range range =
                new LedgerEntry.Range(new LaneCursor(0, 0, 0, 0, step - 1), new LaneCursor(0, 0, 0, 0, step));
        coordinator.tell(new CoordinatorCommand.StepReady(
                assigned.generation(),
                step,
                0,
                3.0,
                1,
                true,
                Map.of(0, range, 1, range),
                new StepStages(0.25, 0.5, 0, StageCounts.NONE)));
        worker.expectMessageClass(WorkerCommand.Commit.class);
    }

    private HttpResponse<String> get(String url) throws Exception {
        return client.send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private JsonNode json(String url) throws Exception {
        return new ObjectMapper().readTree(get(url).body());
    }

    private HttpResponse<String> post(String url, String authorization) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url)).POST(HttpRequest.BodyPublishers.noBody());
        if (authorization != null) {
            request.header("Authorization", authorization);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void aRunIsSeenAsItsCoordinatorSeesIt() throws Exception {
        String url = server(null);
        assertThat(json(url + "/run").get("state").asText()).isEqualTo("waiting");
        assertThat(json(url + "/run").get("loss").isNull()).isTrue();
        assertThat(get(url + "/health/ready").statusCode()).isEqualTo(503);
        assertThat(get(url + "/health/alive").statusCode()).isEqualTo(200);

        WorkerCommand.Assignment assigned = begin();
        step(assigned, 1);
        step(assigned, 2);

        assertThat(get(url + "/health/ready").statusCode()).isEqualTo(200);
        JsonNode run = json(url + "/run");
        assertThat(run.get("state").asText()).isEqualTo("running");
        assertThat(run.get("step").asInt()).isEqualTo(2);
        assertThat(run.get("examples_seen").asInt()).isEqualTo(2 * 2 * 8);
        assertThat(run.get("loss").asDouble()).isEqualTo(1.5);
        assertThat(run.get("lr").asDouble()).isEqualTo(0.5);
        assertThat(run.get("world_size").asInt()).isEqualTo(1);
        JsonNode seen = json(url + "/workers").get(0);
        assertThat(seen.get("address").asText()).isEqualTo("host:1");
        assertThat(seen.get("compute_seconds").asDouble()).isEqualTo(0.5);
        assertThat(json(url + "/lanes").get(1).at("/cursor/offset").asInt()).isEqualTo(2);
        assertThat(get(url + "/metrics").body())
                .contains("rekindle_step 2.0", "rekindle_worker_stage_seconds{node=\"0\",stage=\"compute\"} 0.5");
        JsonNode members = json(url + "/cluster/members/");
        assertThat(members.get("members")).hasSize(1);
    }

    @Test
    void theClusterCannotBeChanged() throws Exception {
        String url = server(TOKEN);
        HttpRequest leave = HttpRequest.newBuilder(URI.create(url + "/cluster/members/"
                        + Cluster.get(kit.system()).selfMember().address()))
                .DELETE()
                .build();
        assertThat(client.send(leave, HttpResponse.BodyHandlers.ofString()).statusCode())
                .isEqualTo(405);
    }

    @Test
    void whoChangesARunNeedsTheToken() throws Exception {
        String url = server(TOKEN);
        WorkerCommand.Assignment assigned = begin();
        assertThat(post(url + "/checkpoint", null).statusCode()).isEqualTo(401);
        assertThat(post(url + "/checkpoint", "Basic " + TOKEN).statusCode()).isEqualTo(401);
        assertThat(post(url + "/checkpoint", "Bearer other").statusCode()).isEqualTo(403);
        assertThat(post(url + "/drain", null).statusCode()).isEqualTo(401);
        assertThat(json(url + "/run").get("state").asText()).isEqualTo("running");

        assertThat(post(url + "/checkpoint", "Bearer " + TOKEN).statusCode()).isEqualTo(202);
        LedgerEntry.Range first = new LedgerEntry.Range(LaneCursor.START, new LaneCursor(0, 0, 0, 0, 1));
        coordinator.tell(new CoordinatorCommand.StepReady(
                assigned.generation(),
                1,
                0,
                3.0,
                1,
                true,
                Map.of(0, first, 1, first),
                new StepStages(0, 0, 0, StageCounts.NONE)));
        assertThat(worker.expectMessageClass(WorkerCommand.Commit.class).checkpoint())
                .isTrue();

        assertThat(post(url + "/drain", "Bearer " + TOKEN).statusCode()).isEqualTo(202);
        while (!json(url + "/run").get("state").asText().equals("draining")) {
            Thread.sleep(10); // the class's timeout ends it
        }
    }

    @Test
    void withoutATokenNobodyMay() throws Exception {
        HttpResponse<String> response = post(server(null) + "/drain", "Bearer x");
        assertThat(response.statusCode()).isEqualTo(403);
        assertThat(response.body()).contains("monitoring.token");
    }

    @Test
    void eventsCome() throws Exception {
        String url = server(null);
        HttpResponse<java.io.InputStream> stream = client.send(
                HttpRequest.newBuilder(URI.create(url + "/events")).build(), HttpResponse.BodyHandlers.ofInputStream());
        assertThat(stream.headers().firstValue("content-type").orElse("")).startsWith("text/event-stream");
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(stream.body()))) {
            assertThat(lines.readLine()).startsWith("data:{\"state\":\"waiting\"");
            step(begin(), 1);
            coordinator.tell(new CoordinatorCommand.CheckpointCommitted(1));
            StringBuilder read = new StringBuilder();
            while (!(read.indexOf("\"step\":1,") >= 0 && read.indexOf("checkpoint of step 1") >= 0)) {
                read.append(lines.readLine()).append('\n');
            }
        }
    }

    @Test
    void aPortInUseIsOneLine() {
        String url = server(null);
        int port = URI.create(url).getPort();
        assertThatThrownBy(() -> MonitoringServer.start(
                                kit.system(), coordinator, new MonitoringConfig(null, port, null), 0)
                        .toCompletableFuture()
                        .join())
                .hasRootCauseInstanceOf(java.io.IOException.class)
                .cause()
                .isInstanceOf(UserException.class)
                .hasMessageContaining("monitoring.port: 127.0.0.1:" + port + " cannot be listened on");
    }

    @Test
    void whatIsRememberedDoesNotGrowWithTheSteps() {
        RunRecord record = new RunRecord();
        record.started(0, 0);
        LongStream.rangeClosed(1, 5000).forEach(step -> {
            record.committed(
                    new StepMetrics(step, step, 1, 1, 1, 1, 0, 1, false, null),
                    1,
                    List.of(new StepStages(0, 1, 0, StageCounts.NONE)),
                    List.of(1));
            record.event("event " + step);
        });
        assertThat(record.events()).hasSize(256).last().satisfies(event -> assertThat(event.number())
                .isEqualTo(5000));
    }
}

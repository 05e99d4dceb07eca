package org.rekindle.data.stores;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import org.apache.pekko.actor.ActorSystem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.TestShards;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.lanes.DecodeThreads;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.lanes.LaneFeed;
import org.rekindle.data.lanes.LanePlan;

/** Where shards lie makes no difference to what a lane gives, and none to where it can go on. */
class LaneStoresTest {

    private static final Patience QUICK = new Patience(Duration.ofMillis(1), Duration.ofSeconds(5));

    @TempDir
    Path folder;

    @Test
    void aLaneGivesTheSameFromEveryStore() throws Exception {
        for (int s = 0; s < 2; s++) {
            TestShards shard = new TestShards();
            for (int i = 0; i < 7; i++) {
                shard.example("s" + s + "e" + i);
            }
            shard.write(folder.resolve("x-" + s + ".tar"));
        }
        ActorSystem system = ActorSystem.create();
        ExecutorService decoders = DecodeThreads.start(2);
        HttpServer http = http();
        S3Server s3 = S3Server.open();
        for (int s = 0; s < 2; s++) {
            s3.put("x-" + s + ".tar", Files.readAllBytes(folder.resolve("x-" + s + ".tar")));
        }
        try {
            String names = "x-{0..1}.tar";
            List<LaneBatch> local =
                    batches(system, decoders, Stores.of(null).resolve("k", folder + "/" + names), LaneCursor.START, 6);
            List<List<Shard>> elsewhere = List.of(
                    Stores.of(null)
                            .resolve(
                                    "k", "http://127.0.0.1:" + http.getAddress().getPort() + "/" + names),
                    Stores.of(null).resolve("k", "pipe:cat " + folder + "/" + names),
                    Stores.of(s3.anonymous(), QUICK).resolve("k", "s3://bucket/" + names));
            for (List<Shard> shards : elsewhere) {
                long since = System.nanoTime();
                List<LaneBatch> whole = batches(system, decoders, shards, LaneCursor.START, 1);
                System.out.printf(
                        "first batch of %s after %d ms%n",
                        shards.get(0).location().substring(0, 5), (System.nanoTime() - since) / 1_000_000);
                assertThat(keys(whole)).isEqualTo(keys(local.subList(0, 1)));
                List<LaneBatch> rest =
                        batches(system, decoders, shards, whole.get(0).after(), 5);
                assertThat(keys(rest)).isEqualTo(keys(local.subList(1, 6)));
            }
        } finally {
            system.terminate();
            decoders.shutdown();
            http.stop(0);
            s3.close();
        }
    }

    private HttpServer http() throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            try (exchange) {
                byte[] file = Files.readAllBytes(
                        folder.resolve(exchange.getRequestURI().getPath().substring(1)));
                exchange.sendResponseHeaders(200, file.length);
                exchange.getResponseBody().write(file);
            }
        });
        server.start();
        return server;
    }

    private static List<LaneBatch> batches(
            ActorSystem system, ExecutorService decoders, List<Shard> shards, LaneCursor from, int count) {
        DatasetConfig.Params params = new DatasetConfig.Params("", 4, 2, null, 1, null, 3, null);
        DataSet dataSet = DataSet.of(new DatasetConfig(null, params, null), shards);
        List<LaneBatch> taken = new ArrayList<>();
        try (LaneFeed feed = LaneFeed.open(system, dataSet, new LanePlan(5, 1, shards), 0, from, decoders)) {
            for (int i = 0; i < count; i++) {
                taken.add(feed.next());
            }
        }
        return taken;
    }

    /** Without the shard's name, which for a pipe is the command. */
    private static List<String> keys(List<LaneBatch> batches) {
        return batches.stream()
                .flatMap(batch -> batch.keys().stream())
                .map(key -> key.substring(key.indexOf('#')))
                .toList();
    }
}

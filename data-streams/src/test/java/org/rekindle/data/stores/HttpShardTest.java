package org.rekindle.data.stores;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HttpShardTest {

    private static final Patience QUICK = new Patience(Duration.ofMillis(1), Duration.ofSeconds(2));

    private final AtomicInteger requests = new AtomicInteger();
    private byte[] file;
    private HttpServer server;

    /** What the server does with each request. */
    private Answer answer;

    private interface Answer {
        void give(HttpExchange exchange, int request, int from) throws IOException;
    }

    @BeforeEach
    void start() throws IOException {
        file = new byte[3 << 20];
        new Random(2).nextBytes(file);
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newCachedThreadPool(work -> {
            Thread thread = new Thread(work);
            thread.setDaemon(true);
            return thread;
        }));
        server.createContext("/", exchange -> {
            try (exchange) {
                String range = exchange.getRequestHeaders().getFirst("Range");
                int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
                answer.give(exchange, requests.incrementAndGet(), from);
            }
        });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private HttpShard shard() {
        return new HttpShard(
                URI.create(
                        "http://user:secret@127.0.0.1:" + server.getAddress().getPort() + "/a/x.tar?signature=secret"),
                QUICK);
    }

    private byte[] read() throws IOException {
        try (InputStream bytes = shard().open(0)) {
            return bytes.readAllBytes();
        }
    }

    private void send(HttpExchange exchange, int from, int count, String etag) throws IOException {
        exchange.getResponseHeaders().set("ETag", etag);
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, file.length - from);
        exchange.getResponseBody().write(file, from, count);
    }

    @Test
    void aConnectionThatBreaksGoesOnWhereItWas() throws IOException {
        answer =
                (exchange, request, from) -> send(exchange, from, request < 4 ? 500_000 : file.length - from, "\"v1\"");
        assertThat(read()).isEqualTo(file);
        assertThat(requests).hasValue(4);
        assertThat(shard().location()).endsWith("/a/x.tar").doesNotContain("secret");
        assertThat(shard().name()).isEqualTo("x.tar");
    }

    @Test
    void aServerThatIgnoresRangesIsReadFromTheStart() throws IOException {
        answer = (exchange, request, from) -> send(exchange, 0, request == 1 ? 700_000 : file.length, "\"v1\"");
        assertThat(read()).isEqualTo(file);
        try (InputStream bytes = shard().open(1000)) {
            assertThat(bytes.readAllBytes()).isEqualTo(Arrays.copyOfRange(file, 1000, file.length));
        }
    }

    @Test
    void aFileThatChangesIsNoMixture() {
        answer = (exchange, request, from) ->
                send(exchange, from, request == 1 ? 700_000 : file.length - from, "\"v" + request + "\"");
        assertThatThrownBy(this::read).hasMessageContaining("changed while it was read");
    }

    @Test
    void aBusyServerIsAskedAgainAndARefusalIsFinal() throws IOException {
        answer = (exchange, request, from) -> {
            if (request < 3) {
                exchange.getResponseHeaders().set("Retry-After", "0");
                exchange.sendResponseHeaders(503, -1);
            } else {
                send(exchange, 0, file.length, "\"v1\"");
            }
        };
        assertThat(read()).isEqualTo(file);
        requests.set(0);
        answer = (exchange, request, from) -> exchange.sendResponseHeaders(404, -1);
        assertThatThrownBy(this::read).hasMessage("HTTP status 404 (no such file)");
        answer = (exchange, request, from) -> exchange.sendResponseHeaders(403, -1);
        assertThatThrownBy(this::read).hasMessageContaining("HTTP status 403 (no permission");
        assertThat(requests).hasValue(2);
        requests.set(0);
        answer = (exchange, request, from) -> exchange.sendResponseHeaders(503, -1);
        assertThatThrownBy(this::read).hasMessage("HTTP status 503, at the last of 5 attempts too");
        assertThat(requests).hasValue(5);
        answer = (exchange, request, from) -> {
            exchange.getResponseHeaders().set("Retry-After", "4000");
            exchange.sendResponseHeaders(429, -1);
        };
        assertThatThrownBy(this::read).hasMessageContaining("the store asks to wait 4000 s");
    }

    @Test
    void aStallIsABrokenConnection() throws IOException {
        answer = (exchange, request, from) -> {
            if (request > 1) {
                send(exchange, from, file.length - from, "\"v1\"");
                return;
            }
            send(exchange, from, 100_000, "\"v1\"");
            exchange.getResponseBody().flush();
            try {
                TimeUnit.SECONDS.sleep(8);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        };
        assertThat(read()).isEqualTo(file);
    }

    @Test
    void closingEndsAWaitAndAPause() throws Exception {
        answer = (exchange, request, from) -> {
            if (request == 1) {
                send(exchange, 0, 1000, "\"v1\"");
            } else {
                exchange.getResponseHeaders().set("Retry-After", "60");
                exchange.sendResponseHeaders(503, -1);
            }
        };
        InputStream bytes = shard().open(0);
        CompletableFuture<Integer> reader = CompletableFuture.supplyAsync(() -> {
            try {
                return bytes.readAllBytes().length;
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        TimeUnit.MILLISECONDS.sleep(300);
        bytes.close();
        assertThat(reader).failsWithin(2, TimeUnit.SECONDS);
    }
}

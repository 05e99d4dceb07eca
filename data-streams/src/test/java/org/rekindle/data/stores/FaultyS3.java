package org.rekindle.data.stores;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Locale;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;

/**
 * Stands before an {@link S3Server} and lets requests fail: all from the n-th on, as after a kill, or only that one. S3Proxy compares
 * {@code If-Match} and {@code If-None-Match} first and writes then; a lock here makes one step of it, as S3 does.
 */
public final class FaultyS3 implements AutoCloseable {

    static {
        // or each answer waits 40 ms for the acknowledgement of its headers
        System.setProperty("sun.net.httpserver.nodelay", "true");
    }

    /** Headers of a connection, which are no part of the message. */
    private static final Set<String> OF_CONNECTION =
            Set.of("host", "connection", "content-length", "expect", "upgrade", "transfer-encoding");

    private static final int REFUSED = 503;

    /** Whether a request that fails takes place. */
    public enum Fault {
        /** It never arrives. */
        REQUEST_LOST,
        /** It takes place, and nobody hears of it. */
        ANSWER_LOST
    }

    private final HttpServer front;
    private final URI server;
    private final HttpClient client = HttpClient.newHttpClient();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final ReentrantLock writing = new ReentrantLock();
    private final Queue<String> told = new ConcurrentLinkedQueue<>();
    private final AtomicInteger requests = new AtomicInteger();
    private volatile int firstFault = Integer.MAX_VALUE;
    private volatile int lastFault = Integer.MAX_VALUE;
    private volatile Fault fault;
    private volatile boolean heedless;
    private final AtomicReference<Interruption> interruption = new AtomicReference<>();

    private record Interruption(Pattern request, boolean isLost, Runnable meanwhile) {}

    private FaultyS3(int port) throws IOException {
        server = URI.create("http://127.0.0.1:" + port);
        front = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        front.setExecutor(threads);
        front.createContext("/", this::handle);
        front.start();
    }

    /** @param port of the server behind it */
    public static FaultyS3 before(int port) throws IOException {
        return new FaultyS3(port);
    }

    /** URL of this front. */
    public String endpoint() {
        return "http://127.0.0.1:" + front.getAddress().getPort();
    }

    /** What lies under a prefix, through a client of its own that does not wait long between attempts. */
    public Bucket bucket(String location) {
        StoreOptions options = new StoreOptions(endpoint(), null, null, true);
        return Stores.of(options, new Patience(Duration.ofMillis(1), Duration.ofSeconds(5)))
                .bucket(location);
    }

    /** Counts requests from 1 on. From the n-th on all fail, as if the client had been killed. */
    public void dieAt(int request, Fault how) {
        failBetween(request, Integer.MAX_VALUE, how);
    }

    /** Counts requests from 1 on. The n-th alone fails. */
    public void failOnce(int request, Fault how) {
        failBetween(request, request, how);
    }

    /** The next requests do not arrive. */
    public void failNext(int requests) {
        failBetween(1, requests, Fault.REQUEST_LOST);
    }

    private void failBetween(int first, int last, Fault how) {
        fault = how;
        requests.set(0);
        told.clear();
        firstFault = first;
        lastFault = last;
    }

    /** Nothing fails any more; counts from 1 again. */
    public void heal() {
        failBetween(Integer.MAX_VALUE, Integer.MAX_VALUE, null);
    }

    /**
     * Once, when a request has taken place and before it is answered, something else happens, such as what another process does.
     *
     * @param request pattern of its method and path, such as {@code PUT .*index.json}
     */
    public void after(String request, Runnable meanwhile) {
        interruption.set(new Interruption(Pattern.compile(request), false, meanwhile));
    }

    /** The same, and the answer is lost. */
    public void loseAnswer(String request, Runnable meanwhile) {
        interruption.set(new Interruption(Pattern.compile(request), true, meanwhile));
    }

    /** Becomes a store that knows no conditions. */
    public void forgetConditions() {
        heedless = true;
    }

    /** How many requests of a method and path there were since the last change. */
    public int requests(String request) {
        return (int) told.stream().filter(each -> each.matches(request)).count();
    }

    /** Requests since the last change. */
    public int requests() {
        return requests.get();
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            int number = requests.incrementAndGet();
            told.add(request(exchange));
            Fault failing = number >= firstFault && number <= lastFault ? fault : null;
            byte[] body = exchange.getRequestBody().readAllBytes();
            if (failing == Fault.REQUEST_LOST) {
                exchange.sendResponseHeaders(REFUSED, -1);
                return;
            }
            HttpResponse<byte[]> answer = forward(exchange, body);
            if (failing == Fault.ANSWER_LOST || isLost(exchange)) {
                exchange.sendResponseHeaders(REFUSED, -1);
                return;
            }
            answer.headers().map().forEach((name, values) -> {
                if (!OF_CONNECTION.contains(name.toLowerCase(Locale.ROOT))) {
                    values.forEach(value -> exchange.getResponseHeaders().add(name, value));
                }
            });
            if (exchange.getRequestMethod().equals("HEAD")) {
                answer.headers().firstValue("content-length").ifPresent(length -> exchange.getResponseHeaders()
                        .set("Content-Length", length));
            }
            byte[] bytes = answer.body();
            exchange.sendResponseHeaders(answer.statusCode(), bytes.length == 0 ? -1 : bytes.length);
            if (bytes.length > 0) {
                exchange.getResponseBody().write(bytes);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Lets happen what is to happen after this request. */
    private boolean isLost(HttpExchange exchange) {
        String request = request(exchange);
        Interruption next = interruption.get();
        if (next == null || !next.request().matcher(request).matches() || !interruption.compareAndSet(next, null)) {
            return false;
        }
        next.meanwhile().run();
        return next.isLost();
    }

    private static String request(HttpExchange exchange) {
        return exchange.getRequestMethod() + " " + exchange.getRequestURI();
    }

    private HttpResponse<byte[]> forward(HttpExchange exchange, byte[] body) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(server.resolve(exchange.getRequestURI()))
                .method(exchange.getRequestMethod(), HttpRequest.BodyPublishers.ofByteArray(body));
        exchange.getRequestHeaders().forEach((name, values) -> {
            boolean forgotten = heedless && name.toLowerCase(Locale.ROOT).startsWith("if-");
            if (!forgotten && !OF_CONNECTION.contains(name.toLowerCase(Locale.ROOT))) {
                values.forEach(value -> request.header(name, value));
            }
        });
        boolean writes = exchange.getRequestMethod().equals("PUT");
        if (writes) {
            writing.lock();
        }
        try {
            return client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        } finally {
            if (writes) {
                writing.unlock();
            }
        }
    }

    @Override
    public void close() {
        front.stop(0);
        threads.shutdownNow();
    }
}

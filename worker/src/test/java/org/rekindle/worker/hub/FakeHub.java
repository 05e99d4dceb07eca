package org.rekindle.worker.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;

/**
 * A hub on this machine with one model, {@code tiny/model}, that misbehaves as it is told. Safetensors are its large files: they are
 * redirected to a storage, on a host of its own, and have SHA-256 hashes.
 */
public final class FakeHub implements AutoCloseable {

    /** A request that came. */
    public record Request(String method, String path, String range, String authorization, boolean toStorage) {}

    /** What a server does with one request; false leaves the request to the usual answer. */
    interface Misbehaviour {
        boolean answer(HttpExchange exchange) throws IOException;
    }

    private static final ObjectMapper JSON = new ObjectMapper();

    public final Map<String, byte[]> files = new TreeMap<>();
    public final List<Request> requests = new CopyOnWriteArrayList<>();

    String commit = "c0ffee" + "0".repeat(34);
    boolean sparse;
    boolean ranges = true;

    private final Map<String, Deque<Misbehaviour>> next = new ConcurrentHashMap<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final HttpServer hub;
    private final HttpServer storage;

    public FakeHub() throws IOException {
        hub = start(false);
        storage = start(true);
    }

    /** Takes a folder's files as the model's. */
    public FakeHub with(Path folder) throws IOException {
        try (Stream<Path> walk = Files.walk(folder)) {
            for (Path file : walk.filter(Files::isRegularFile).toList()) {
                files.put(folder.relativize(file).toString().replace('\\', '/'), Files.readAllBytes(file));
            }
        }
        return this;
    }

    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
    }

    /** Lets the next request for a file (by its name in the model, or {@code list}) fail so; several calls queue up. */
    void next(String file, Misbehaviour misbehaviour) {
        next.computeIfAbsent(file, key -> new ArrayDeque<>()).add(misbehaviour);
    }

    /** Answers with a status and no content. */
    static Misbehaviour status(int status, String... headers) {
        return exchange -> {
            for (int i = 0; i < headers.length; i += 2) {
                exchange.getResponseHeaders().set(headers[i], headers[i + 1]);
            }
            exchange.sendResponseHeaders(status, -1);
            exchange.close();
            return true;
        };
    }

    /** Closes the connection after so many bytes. */
    Misbehaviour cutAfter(String file, int bytes) {
        return exchange -> {
            begin(exchange, file, bytes);
            exchange.close();
            return true;
        };
    }

    /** Falls silent after so many bytes. */
    public void stallAfter(String file, int bytes) {
        next(file, exchange -> {
            begin(exchange, file, bytes);
            try {
                closed.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            exchange.close();
            return true;
        });
    }

    /** Sends so many bytes and leaves the connection open. */
    void begin(HttpExchange exchange, String file, int bytes) throws IOException {
        byte[] content = requested(exchange, files.get(file));
        exchange.sendResponseHeaders(content.length < files.get(file).length ? 206 : 200, content.length);
        exchange.getResponseBody().write(content, 0, bytes);
        exchange.getResponseBody().flush();
    }

    void sendListing(HttpExchange exchange) throws IOException {
        JsonNode answer = exchange.getRequestURI().getPath().contains("/tree/")
                ? tree()
                : JSON.createObjectNode()
                        .put("id", "tiny/model")
                        .put("sha", commit)
                        .set("siblings", tree());
        send(exchange, 200, JSON.writeValueAsBytes(answer));
    }

    /** The requests for a file's content, not those that were sent on to the storage. */
    public List<Request> served(String file) {
        return requests.stream()
                .filter(request ->
                        request.path().endsWith("/" + file) && request.method().equals("GET"))
                .filter(request -> !isLarge(file) || request.toStorage())
                .toList();
    }

    static boolean isLarge(String file) {
        return file.endsWith(".safetensors");
    }

    static String sha256(byte[] content) {
        return hex("SHA-256", content);
    }

    static String gitSha1(byte[] content) {
        byte[] header = ("blob " + content.length + "\0").getBytes(StandardCharsets.US_ASCII);
        byte[] blob = Arrays.copyOf(header, header.length + content.length);
        System.arraycopy(content, 0, blob, header.length, content.length);
        return hex("SHA-1", blob);
    }

    private static String hex(String algorithm, byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private HttpServer start(boolean isStorage) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            try {
                answer(exchange, isStorage);
            } catch (RuntimeException e) {
                e.printStackTrace();
                exchange.close();
            }
        });
        server.start();
        return server;
    }

    private void answer(HttpExchange exchange, boolean isStorage) throws IOException {
        String path = exchange.getRequestURI().getPath();
        requests.add(new Request(
                exchange.getRequestMethod(),
                path,
                exchange.getRequestHeaders().getFirst("Range"),
                exchange.getRequestHeaders().getFirst("Authorization"),
                isStorage));
        String listing = "/api/models/tiny/model";
        String content = "/tiny/model/resolve/" + (path.contains("/resolve/main/") ? "main" : commit) + "/";
        String file = path.startsWith(listing) ? "list" : path.substring(Math.min(path.length(), content.length()));
        boolean sentOn =
                !isStorage && isLarge(file) && exchange.getRequestMethod().equals("GET");
        if (!sentOn && !exchange.getRequestMethod().equals("HEAD") && misbehaves(file, exchange)) {
            return;
        }
        if (file.equals("list")) {
            sendListing(exchange);
        } else if (!path.startsWith(content) || !files.containsKey(file)) {
            status(404).answer(exchange);
        } else if (isStorage) {
            exchange.getResponseHeaders().set("ETag", "\"of-the-storage\"");
            serve(exchange, files.get(file));
        } else {
            serveFromHub(exchange, file);
        }
    }

    private boolean misbehaves(String file, HttpExchange exchange) throws IOException {
        Misbehaviour misbehaviour = next.getOrDefault(file, new ArrayDeque<>()).poll();
        return misbehaviour != null && misbehaviour.answer(exchange);
    }

    private void serveFromHub(HttpExchange exchange, String file) throws IOException {
        byte[] content = files.get(file);
        exchange.getResponseHeaders().set("X-Repo-Commit", commit);
        if (isLarge(file)) {
            exchange.getResponseHeaders().set("X-Linked-Etag", "\"" + sha256(content) + "\"");
            exchange.getResponseHeaders().set("X-Linked-Size", Integer.toString(content.length));
            status(
                            302,
                            "Location",
                            "http://localhost:" + storage.getAddress().getPort()
                                    + exchange.getRequestURI().getRawPath() + "?signed=%3D")
                    .answer(exchange);
        } else {
            exchange.getResponseHeaders().set("ETag", "W/\"" + gitSha1(content) + "\"");
            serve(exchange, content);
        }
    }

    private void serve(HttpExchange exchange, byte[] content) throws IOException {
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", Integer.toString(content.length));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        } else {
            byte[] part = requested(exchange, content);
            send(exchange, part.length < content.length ? 206 : 200, part);
        }
    }

    private byte[] requested(HttpExchange exchange, byte[] content) {
        String range = exchange.getRequestHeaders().getFirst("Range");
        if (range == null || !ranges) {
            return content;
        }
        int from = Integer.parseInt(range.replaceAll("\\D", ""));
        exchange.getResponseHeaders()
                .set("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
        return Arrays.copyOfRange(content, from, content.length);
    }

    private static void send(HttpExchange exchange, int status, byte[] content) throws IOException {
        exchange.sendResponseHeaders(status, content.length == 0 ? -1 : content.length);
        try (OutputStream body = exchange.getResponseBody()) {
            body.write(content);
        }
    }

    /** What the hub's two listings say of a file, whose keys differ: {@code revision} and {@code tree}. */
    private ObjectNode entry(String name, byte[] content) {
        ObjectNode entry =
                JSON.createObjectNode().put("rfilename", name).put("path", name).put("type", "file");
        if (sparse) {
            return entry;
        }
        String blob = gitSha1(isLarge(name) ? "the pointer".getBytes(StandardCharsets.US_ASCII) : content);
        entry.put("size", content.length).put("blobId", blob).put("oid", blob);
        if (isLarge(name)) {
            entry.putObject("lfs")
                    .put("sha256", sha256(content))
                    .put("oid", sha256(content))
                    .put("size", content.length)
                    .put("pointerSize", 134);
        }
        return entry;
    }

    private ArrayNode tree() {
        ArrayNode tree = JSON.createArrayNode();
        files.forEach((name, content) -> tree.add(entry(name, content)));
        return tree;
    }

    @Override
    public void close() {
        closed.countDown();
        hub.stop(0);
        storage.stop(0);
        threads.shutdownNow();
    }
}

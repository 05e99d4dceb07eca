package org.rekindle.worker.hub;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.WatchedStream;

/**
 * Asks one hub for one model, by the hub's own protocol: {@code /api/models/ID/revision/REV} lists it,
 * {@code /ID/resolve/COMMIT/PATH} serves a file or says where it lies.
 *
 * <p>Redirects are followed here and not by the JDK, since the token must not reach another host and since the hash of a large file
 * comes with the redirect. A proxy is taken from Java's settings ({@code -Dhttps.proxyHost}). Any thread may use it.
 */
final class HubClient {

    private static final int MAX_REDIRECTS = 5;
    private static final int LARGEST_ANSWER = 64 << 20;
    private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HubSettings settings;
    private final HubTiming timing;
    private final ModelRevision model;
    private final Consumer<String> messages;
    private final HubRefusal refusal;
    private final HttpClient http;

    /** @param messages told in a line each what goes wrong for now */
    HubClient(HubSettings settings, HubTiming timing, ModelRevision model, Consumer<String> messages) {
        this.settings = settings;
        this.timing = timing;
        this.model = model;
        this.messages = messages;
        this.refusal = new HubRefusal(settings, model, timing.clock());
        this.http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(timing.connectTimeout())
                .build();
    }

    Backoff backoff(String what) {
        return new Backoff(what, timing, messages);
    }

    /** Lists the model's files at the commit that its revision stands for. */
    HubSnapshot list() throws InterruptedException {
        URI address = address("api/models/" + model.id() + "/revision/" + encoded(model.revision()) + "?blobs=true");
        String what = model.toString();
        byte[] answer = backoff(what).retry(() -> {
            HubResponse response = send("GET", address, what, 0);
            return body(response, what);
        });
        return HubSnapshot.of(model, json(answer, what + ": the hub's list of files"));
    }

    /** The file with its size and hash; asks for them when the listing did not tell. */
    HubFile describe(HubSnapshot snapshot, HubFile file) throws InterruptedException {
        if (file.isDescribed()) {
            return file;
        }
        HubResponse response = backoff(file.path()).retry(() -> {
            HubResponse answer = send("HEAD", address(snapshot, file), file.path(), 0);
            answer.last().body().close();
            return answer;
        });
        long size = response.linkedSize() >= 0 ? response.linkedSize() : response.servedSize();
        HubFile described = new HubFile(
                file.path(),
                file.size() >= 0 ? file.size() : size,
                file.hash() != null ? file.hash() : response.hash());
        if (!described.isDescribed()) {
            throw new UserException(file.path()
                    + ": the hub tells neither in its list nor in its answer how long the file is and what its SHA-256 or git SHA-1 is,"
                    + " so that it could not be checked; use a hub that does");
        }
        return described;
    }

    /** Reads a small JSON file and checks it. */
    JsonNode readJson(HubSnapshot snapshot, HubFile listed) throws InterruptedException {
        HubFile file = describe(snapshot, listed);
        byte[] bytes = backoff(file.path()).retry(() -> {
            HubResponse response = send("GET", address(snapshot, file), file.path(), 0);
            return body(response, file.path());
        });
        if (!file.hash().matches(bytes)) {
            throw new UserException(file.path() + ": what came does not have the "
                    + file.hash().algorithm() + " that the hub names; nothing was kept, try again later");
        }
        return json(bytes, file.path());
    }

    /**
     * Asks for a file's content once.
     *
     * @param offset the first byte that is wanted
     * @throws IOException when another attempt may go better
     * @throws UserException when none will
     */
    HubContent open(HubSnapshot snapshot, HubFile file, long offset) throws IOException, InterruptedException {
        HubResponse response = send("GET", address(snapshot, file), file.path(), offset);
        InputStream body = new WatchedStream(response.last().body(), timing.stallTimeout());
        String commit = response.hub().firstValue("X-Repo-Commit").orElse(snapshot.commit());
        if (!commit.equals(snapshot.commit())) {
            body.close();
            throw new IOException("the hub answers with commit " + commit + " when asked for " + snapshot.commit());
        }
        if (response.status() == 206 && response.offset() != offset) {
            body.close();
            throw new IOException("the answer begins at another byte than the " + offset + " that was asked for");
        }
        return new HubContent(
                body,
                response.offset(),
                response.servedSize() >= 0 ? response.servedSize() : response.linkedSize(),
                response.hash());
    }

    private byte[] body(HubResponse response, String what) throws IOException {
        try (InputStream body = new WatchedStream(response.last().body(), timing.stallTimeout())) {
            byte[] bytes = body.readNBytes(LARGEST_ANSWER);
            if (bytes.length == LARGEST_ANSWER) {
                throw new UserException(
                        what + ": the hub's answer is longer than 64 MiB; is HF_ENDPOINT the address of a hub?");
            }
            return bytes;
        }
    }

    /** Follows redirects to an answer of 200 or 206; HEAD stops where they leave the hub. */
    private HubResponse send(String method, URI address, String what, long offset)
            throws IOException, InterruptedException {
        URI at = address;
        HttpHeaders hub = HttpHeaders.of(Map.of(), (name, value) -> true);
        for (int hop = 0; hop <= MAX_REDIRECTS; hop++) {
            boolean atHub = isHub(at);
            HttpResponse<InputStream> answer =
                    http.send(request(method, at, offset), HttpResponse.BodyHandlers.ofInputStream());
            hub = atHub ? answer.headers() : hub;
            HubResponse response = new HubResponse(answer, hub, atHub);
            if (response.status() == 200 || response.status() == 206) {
                return response;
            }
            answer.body().close();
            if (response.status() == 416 && offset > 0) {
                return send(method, address, what, 0);
            }
            if (!REDIRECTS.contains(response.status())) {
                throw refusal.of(response, what);
            }
            at = target(at, answer.headers(), what);
            if (method.equals("HEAD") && !isHub(at)) {
                return response;
            }
        }
        throw new UserException(what + ": the hub redirects more than " + MAX_REDIRECTS + " times; is HF_ENDPOINT="
                + settings.endpoint() + " the address of a hub?");
    }

    private HttpRequest request(String method, URI at, long offset) {
        HttpRequest.Builder request = HttpRequest.newBuilder(at)
                .method(method, HttpRequest.BodyPublishers.noBody())
                .timeout(timing.stallTimeout())
                .header("User-Agent", "rekindle")
                .header("Accept-Encoding", "identity");
        if (settings.token() != null && isHub(at)) {
            request.header("Authorization", "Bearer " + settings.token());
        }
        if (offset > 0) {
            request.header("Range", "bytes=" + offset + "-");
        }
        return request.build();
    }

    private boolean isHub(URI uri) {
        URI hub = settings.endpoint();
        return hub.getScheme().equals(uri.getScheme())
                && hub.getHost().equalsIgnoreCase(uri.getHost())
                && hub.getPort() == uri.getPort();
    }

    private static URI target(URI from, HttpHeaders headers, String what) {
        String location = headers.firstValue("Location").orElse("");
        try {
            URI target = from.resolve(location);
            if (!location.isEmpty()
                    && Set.of("http", "https").contains(target.getScheme())
                    && target.getHost() != null) {
                return target;
            }
        } catch (IllegalArgumentException e) {
            // Told below; the address itself may be signed and belongs on no console.
        }
        throw new UserException(what + ": the hub redirects to what is no web address; is a proxy in between?");
    }

    private URI address(HubSnapshot snapshot, HubFile file) {
        String path =
                Arrays.stream(file.path().split("/")).map(HubClient::encoded).collect(Collectors.joining("/"));
        return address(snapshot.model().id() + "/resolve/" + encoded(snapshot.commit()) + "/" + path);
    }

    private URI address(String path) {
        return URI.create(settings.endpoint() + "/" + path);
    }

    private static String encoded(String segment) {
        return URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static JsonNode json(byte[] bytes, String what) {
        try {
            return JSON.readTree(bytes);
        } catch (JsonProcessingException e) {
            throw new UserException(what + ": is not valid JSON; is HF_ENDPOINT the address of a hub?", e);
        } catch (IOException e) {
            throw new IllegalStateException(e); // bytes in memory are always readable
        }
    }
}

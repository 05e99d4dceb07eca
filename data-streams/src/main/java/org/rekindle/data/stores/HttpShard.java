package org.rekindle.data.stores;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A file behind HTTP. A broken connection goes on by {@code Range}, as long as the file's {@code ETag} or {@code Last-Modified} stays what
 * it was. What is read ahead of a slow reader is what the sockets and the client's one buffer hold, less than a MiB.
 */
final class HttpShard implements Shard {

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(15);

    private static final HttpClient CLIENT = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NORMAL)
            .connectTimeout(CONNECT_TIMEOUT)
            .build();

    private final URI uri;
    private final String location;
    private final Patience patience;

    HttpShard(URI uri, Patience patience) {
        this.uri = uri;
        // Neither user names nor signatures may stand in logs.
        this.location = uri.getScheme() + "://" + uri.getHost() + (uri.getPort() < 0 ? "" : ":" + uri.getPort())
                + uri.getPath();
        this.patience = patience;
    }

    @Override
    public String location() {
        return location;
    }

    @Override
    public InputStream open(long offset) throws IOException {
        AtomicReference<String> version = new AtomicReference<>();
        return ResumedStream.open(location, offset, patience, from -> open(from, version));
    }

    private InputStream open(long from, AtomicReference<String> version) throws IOException {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(patience.stall());
        if (from > 0) {
            request.header("Range", "bytes=" + from + "-");
        }
        HttpResponse<InputStream> response = send(request.GET().build());
        int status = response.statusCode();
        if (status == 416) {
            response.body().close();
            return InputStream.nullInputStream();
        } else if (status != 200 && status != 206) {
            response.body().close();
            throw refused(response);
        }
        String seen = response.headers()
                .firstValue("ETag")
                .or(() -> response.headers().firstValue("Last-Modified"))
                .orElse("");
        if (!version.compareAndSet(null, seen) && !version.get().equals(seen)) {
            response.body().close();
            throw new FinalFailure("the file changed while it was read");
        }
        InputStream body = new WatchedStream(response.body(), patience.stall());
        if (status == 200) {
            body.skipNBytes(from);
        }
        return body;
    }

    private static IOException refused(HttpResponse<?> response) {
        int status = response.statusCode();
        if (status == 408 || status == 429 || status >= 500) {
            String after = response.headers().firstValue("Retry-After").orElse("");
            Duration pause = after.matches("\\d{1,6}") ? Duration.ofSeconds(Long.parseLong(after)) : Duration.ZERO;
            return new Throttled("HTTP status " + status, pause);
        }
        String hint =
                switch (status) {
                    case 401, 403 -> " (no permission: check user, token or signature in the address)";
                    case 404, 410 -> " (no such file)";
                    default -> "";
                };
        return new FinalFailure("HTTP status " + status + hint);
    }

    private HttpResponse<InputStream> send(HttpRequest request) throws IOException {
        try {
            return CLIENT.send(request, HttpResponse.BodyHandlers.ofInputStream());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        } catch (HttpConnectTimeoutException e) {
            throw new IOException("no connection within " + CONNECT_TIMEOUT.toSeconds() + " s", e);
        } catch (HttpTimeoutException e) {
            throw new IOException("no answer within " + patience.stall().toSeconds() + " s", e);
        } catch (ConnectException e) {
            boolean unknown = e.getCause() instanceof UnresolvedAddressException
                    || e.getCause() instanceof UnknownHostException
                    || (e.getCause() != null && e.getCause().getCause() instanceof UnresolvedAddressException);
            throw new IOException(
                    unknown ? "the host " + uri.getHost() + " is unknown" : "the connection is refused", e);
        }
    }

    @Override
    public long length() throws IOException {
        HttpRequest head = HttpRequest.newBuilder(uri)
                .timeout(patience.stall())
                .method("HEAD", HttpRequest.BodyPublishers.noBody())
                .build();
        HttpResponse<InputStream> response = send(head);
        response.body().close();
        return response.statusCode() == 200
                ? response.headers().firstValueAsLong("Content-Length").orElse(-1)
                : -1;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof HttpShard shard && shard.uri.equals(uri);
    }

    @Override
    public int hashCode() {
        return uri.hashCode();
    }

    @Override
    public String toString() {
        return location;
    }
}

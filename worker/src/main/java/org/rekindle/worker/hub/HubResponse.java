package org.rekindle.worker.hub;

import java.io.InputStream;
import java.net.http.HttpHeaders;
import java.net.http.HttpResponse;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The answer at the end of a hub's redirects.
 *
 * @param last the answer itself, from the hub or from the storage that it sent us to
 * @param hub headers of the last answer that came from the hub: a storage's ETag says nothing of the content
 * @param fromHub whether the hub itself answered
 */
record HubResponse(HttpResponse<InputStream> last, HttpHeaders hub, boolean fromHub) {

    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d{1,18})-\\d{1,18}/(\\d{1,18}|\\*)");

    int status() {
        return last.statusCode();
    }

    /** Of the whole file: SHA-256 of one in git LFS, git's SHA-1 of another; null when neither was told. */
    ContentHash hash() {
        return hub.firstValue("X-Linked-Etag")
                .or(() -> fromHub ? hub.firstValue("ETag") : Optional.empty())
                .map(ContentHash::of)
                .orElse(null);
    }

    /** Bytes of the whole file as the hub tells them, not as this answer's body has them; -1 when not told. */
    long linkedSize() {
        return length(hub, "X-Linked-Size");
    }

    /** Where the body begins in the file; -1 when a part does not tell. */
    long offset() {
        if (status() != 206) {
            return 0;
        }
        Matcher range = range();
        return range.matches() ? Long.parseLong(range.group(1)) : -1;
    }

    /** Bytes of the whole file by this answer's body; -1 when not told. */
    long servedSize() {
        if (status() == 206) {
            Matcher range = range();
            return range.matches() && !range.group(2).equals("*") ? Long.parseLong(range.group(2)) : -1;
        }
        return length(last.headers(), "Content-Length");
    }

    private Matcher range() {
        return CONTENT_RANGE.matcher(last.headers().firstValue("Content-Range").orElse(""));
    }

    private static long length(HttpHeaders headers, String name) {
        try {
            return headers.firstValueAsLong(name).orElse(-1);
        } catch (NumberFormatException e) {
            return -1;
        }
    }
}

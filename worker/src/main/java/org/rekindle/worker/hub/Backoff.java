package org.rekindle.worker.hub;

import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.function.Consumer;
import org.rekindle.data.UserException;

/** The pauses between the attempts at one thing: 1, 2, 4, 8 seconds, or as long as the hub asks for. Belongs to one thread. */
final class Backoff {

    private static final int ATTEMPTS = 5;

    /** The hub counts its requests over five minutes: a longer wait would be none of its limits. */
    private static final Duration LONGEST = Duration.ofMinutes(5);

    private final String what;
    private final HubTiming timing;
    private final Consumer<String> messages;
    private int failures;

    Backoff(String what, HubTiming timing, Consumer<String> messages) {
        this.what = what;
        this.timing = timing;
        this.messages = messages;
    }

    /** What may fail and be tried again; an {@link IOException} says that it may. */
    interface Attempt<T> {
        T run() throws IOException, InterruptedException;
    }

    <T> T retry(Attempt<T> attempt) throws InterruptedException {
        while (true) {
            try {
                return attempt.run();
            } catch (IOException e) {
                pause(e);
            }
        }
    }

    /** The last attempt brought something before it failed: its failure is the first of a new series. */
    void progressed() {
        failures = 0;
    }

    private void pause(IOException failure) throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        failures++;
        if (failures == ATTEMPTS) {
            throw new UserException(
                    what + ": " + reason(failure) + ", at the last of " + ATTEMPTS
                            + " attempts too; check network, proxy and HF_ENDPOINT, then give the same command again: it goes on where it stopped",
                    failure);
        }
        Duration wait = Duration.ofSeconds(1L << (failures - 1));
        if (failure instanceof HubUnavailableException unavailable
                && unavailable.retryAfter().compareTo(wait) > 0) {
            wait = unavailable.retryAfter().compareTo(LONGEST) > 0 ? LONGEST : unavailable.retryAfter();
        }
        messages.accept(what + ": " + reason(failure) + "; next attempt in " + wait.toSeconds() + " s");
        timing.sleeper().sleep(wait);
    }

    private String reason(IOException failure) {
        if (failure instanceof HttpConnectTimeoutException) {
            return "no connection within " + timing.connectTimeout().toSeconds() + " s";
        } else if (failure instanceof HttpTimeoutException) {
            return "no answer within " + timing.stallTimeout().toSeconds() + " s";
        } else if (failure instanceof ConnectException) {
            return "the hub cannot be reached";
        }
        return UserException.reason(failure).replaceAll("\\s+", " ");
    }
}

package org.rekindle.worker.hub;

import java.io.IOException;
import java.time.Duration;

/** A hub that refuses for now. */
final class HubUnavailableException extends IOException {

    private static final long serialVersionUID = 1;

    private final Duration retryAfter;

    /** @param retryAfter when the hub wants to be asked again; zero when it does not say */
    HubUnavailableException(String message, Duration retryAfter) {
        super(message);
        this.retryAfter = retryAfter;
    }

    Duration retryAfter() {
        return retryAfter;
    }
}

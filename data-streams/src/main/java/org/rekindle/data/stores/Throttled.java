package org.rekindle.data.stores;

import java.io.IOException;
import java.time.Duration;

/** The store asks for a pause: 429, or 503 with {@code Retry-After}. */
final class Throttled extends IOException {

    private final Duration pause;

    /** @param pause that the store asks for; zero where it names none */
    Throttled(String message, Duration pause) {
        super(message);
        this.pause = pause;
    }

    Duration pause() {
        return pause;
    }
}

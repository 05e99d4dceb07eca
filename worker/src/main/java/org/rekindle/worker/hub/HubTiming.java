package org.rekindle.worker.hub;

import java.time.Clock;
import java.time.Duration;

/**
 * How long to wait for a hub.
 *
 * @param clock tells what a {@code Retry-After} date is from now
 * @param connectTimeout for a connection
 * @param stallTimeout for an answer, and for the next bytes of a file
 */
record HubTiming(Clock clock, Sleeper sleeper, Duration connectTimeout, Duration stallTimeout) {

    interface Sleeper {
        void sleep(Duration duration) throws InterruptedException;
    }

    static HubTiming standard() {
        return new HubTiming(
                Clock.systemUTC(),
                duration -> Thread.sleep(duration.toMillis()),
                Duration.ofSeconds(15),
                Duration.ofSeconds(60));
    }
}

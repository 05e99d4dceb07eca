package org.rekindle.data.stores;

import java.time.Duration;

/**
 * How long a store's failures are borne with: what may pass is tried five times in a row, with a pause before each repetition.
 *
 * @param firstPause before the first repetition; each later one is twice as long
 * @param stall for the next bytes, or an answer
 */
record Patience(Duration firstPause, Duration stall) {

    static final int ATTEMPTS = 5;

    /** For what a run cannot go on without: pauses grow to 16 times the first one, of which three quarters are waited on average. */
    static final int ATTEMPTS_IN_AN_OUTAGE = 55;

    static final Patience STANDARD = new Patience(Duration.ofSeconds(1), Duration.ofSeconds(60));

    /** @param failures attempts that failed in a row, from 1 */
    Duration pause(int failures) {
        return firstPause.multipliedBy(1L << (failures - 1));
    }
}

package org.rekindle.data.stores;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.retries.api.BackoffStrategy;

/**
 * Pauses between attempts to write. At least half of each is waited: with pauses that may be as short as nothing an outage of seconds could
 * use all attempts up. Of an outage the log hears once a minute. Threads: any.
 *
 * @param pauses how long they are
 * @param store for the log
 * @param told when the log heard of it last
 */
record OutagePauses(BackoffStrategy pauses, String store, AtomicReference<Instant> told) implements BackoffStrategy {

    private static final Logger LOG = LoggerFactory.getLogger(OutagePauses.class);

    private static final Duration EVERY = Duration.ofMinutes(1);

    static OutagePauses of(Patience patience, String store) {
        return new OutagePauses(
                BackoffStrategy.exponentialDelayHalfJitter(patience.firstPause(), patience.pause(Patience.ATTEMPTS)),
                store,
                new AtomicReference<>(Instant.MIN));
    }

    @Override
    public Duration computeDelay(int attempt) {
        Instant last = told.get();
        Instant now = Instant.now();
        if (attempt >= Patience.ATTEMPTS && last.isBefore(now.minus(EVERY)) && told.compareAndSet(last, now)) {
            LOG.warn("{} does not answer; it is waited for, ten minutes or more", store);
        }
        return pauses.computeDelay(attempt);
    }
}

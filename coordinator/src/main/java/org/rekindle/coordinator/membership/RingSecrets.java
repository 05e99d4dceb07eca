package org.rekindle.coordinator.membership;

import java.security.SecureRandom;

/** A new secret for each generation, by which its workers know each other on the ring. One thread. */
public final class RingSecrets {

    private final SecureRandom random = new SecureRandom();
    private long generation = -1;
    private long secret;

    /** The secret of a generation, the newest that was asked for or one after it. */
    public long of(long number) {
        if (number != generation) {
            generation = number;
            secret = random.nextLong();
        }
        return secret;
    }
}

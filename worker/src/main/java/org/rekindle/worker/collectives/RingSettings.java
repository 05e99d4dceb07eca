package org.rekindle.worker.collectives;

import java.time.Duration;

/**
 * How a ring runs; the same on all ranks.
 *
 * @param peerTimeout a rank that was silent for so long is lost; its process tells four times in that span that it lives, also while
 *     the worker computes
 * @param secret what a rank says to its successor, which believes nobody else; it goes over the wire as it is
 * @param bf16 whether sums travel as bfloat16, in half the bytes, and are rounded to it; broadcasts stay as they are
 */
public record RingSettings(Duration peerTimeout, long secret, boolean bf16) {

    public static final RingSettings DEFAULT = new RingSettings(Duration.ofSeconds(10), 0, false);

    /** The default, but for the numbers that travel. */
    public static RingSettings of(boolean bf16) {
        return new RingSettings(DEFAULT.peerTimeout, 0, bf16);
    }

    public RingSettings with(long anotherSecret) {
        return new RingSettings(peerTimeout, anotherSecret, bf16);
    }
}

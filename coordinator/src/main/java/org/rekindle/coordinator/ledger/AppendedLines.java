package org.rekindle.coordinator.ledger;

import java.util.List;
import java.util.function.Predicate;

/** Lines of JSON in the order of their steps, wherever they are kept. Threads: one at a time. */
interface AppendedLines extends AutoCloseable {

    /** @param entry becomes a JSON object that holds {@code step}; what is appended survives a kill of this process */
    void append(Object entry);

    /** Makes what was appended survive a power cut. */
    void sync();

    /** Removes every line of a later step. */
    void truncate(long step);

    /**
     * Returns the last whole lines, in order: at least from the last one on that {@code from} accepts, or all there are.
     *
     * @param from told line by line
     */
    List<String> tail(Predicate<String> from);

    @Override
    void close();
}

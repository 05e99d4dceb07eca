package org.rekindle.coordinator.ledger;

import java.nio.file.Path;

/**
 * {@code ledger.jsonl}: which examples trained the model, one line per committed step.
 */
public final class Ledger implements AutoCloseable {

    private Ledger() {}

    /** Opens the file, creating it where needed; nothing is read. */
    public static Ledger open(Path file) {
        throw new UnsupportedOperationException("being written");
    }

    /** Appends one step and hands it to the operating system: it survives a kill of this process. */
    public void append(LedgerEntry entry) {
        throw new UnsupportedOperationException("being written");
    }

    /** Forces the file to disk: call it before a checkpoint of the last step is committed. */
    public void sync() {
        throw new UnsupportedOperationException("being written");
    }

    /**
     * Removes, atomically, every step after {@code step} and a torn last line: what a resumed run does first.
     *
     * @param step the last step that stays; 0 empties the file
     */
    public void truncate(long step) {
        throw new UnsupportedOperationException("being written");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("being written");
    }
}

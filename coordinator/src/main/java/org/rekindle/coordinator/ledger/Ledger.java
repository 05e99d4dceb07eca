package org.rekindle.coordinator.ledger;

import java.nio.file.Path;

/**
 * {@code ledger.jsonl}: which examples trained the model, one line per committed step, and a line for whatever else happened to the run.
 *
 * <p>Threads: any, one at a time.
 */
public final class Ledger implements AutoCloseable {

    private final StepLines lines;

    private Ledger(StepLines lines) {
        this.lines = lines;
    }

    /**
     * Opens the file, creating it where needed; nothing is read.
     *
     * @throws org.rekindle.data.UserException in one line, when it cannot be written; so do all methods
     */
    public static Ledger open(Path file) {
        return new Ledger(StepLines.open(file));
    }

    /** Appends one step and hands it to the operating system: it survives a kill of this process. */
    public void append(LedgerEntry entry) {
        lines.append(entry);
    }

    /** Appends what happened, on disk. */
    public void append(LedgerEvent event) {
        lines.append(event);
        lines.sync();
    }

    /** How it ends. */
    public LedgerTail tail() {
        return LedgerTail.of(lines);
    }

    /** Forces the file to disk: call it before a checkpoint of the last step is committed. */
    public void sync() {
        lines.sync();
    }

    /**
     * Removes, atomically, every step after {@code step} and a torn last line: what a resumed run does first.
     *
     * @param step the last step that stays; 0 empties the file
     */
    public void truncate(long step) {
        lines.truncate(step);
    }

    @Override
    public void close() {
        lines.close();
    }
}

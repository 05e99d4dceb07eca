package org.rekindle.coordinator.ledger;

import java.io.IOException;
import java.nio.file.Path;
import org.rekindle.data.stores.Bucket;

/**
 * {@code ledger.jsonl}, or {@code ledger/} of a bucket: which examples trained the model, one line per committed step, and a line for whatever else happened to the run.
 *
 * <p>Threads: any, one at a time.
 */
public final class Ledger implements AutoCloseable {

    private final AppendedLines lines;

    private Ledger(AppendedLines lines) {
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

    /**
     * Opens a ledger in a bucket and becomes the one that writes it: who opened it before cannot append any more.
     *
     * @param bucket what is in it is the ledger
     * @param file local copy, which is overwritten
     * @throws org.rekindle.data.UserException in one line, when it cannot be written, or another process has opened it since; so do all
     *     methods
     */
    public static Ledger open(Bucket bucket, Path file) {
        return new Ledger(BucketLines.open(bucket, file));
    }

    /** Copies a ledger from a bucket into a file; the run may be going on. */
    public static void fetch(Bucket bucket, Path file) throws IOException {
        BucketLines.fetch(bucket, file);
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

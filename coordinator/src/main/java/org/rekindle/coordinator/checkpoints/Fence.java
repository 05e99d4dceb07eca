package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.rekindle.data.UserException;

/**
 * The file {@code fence} of a run folder: the oldest generation whose state may become a checkpoint. It rises when a run goes back to a
 * checkpoint or another node takes it over, so that nobody who was left behind, as by a partition of the network, adds to it.
 */
record Fence(Path file) {

    void raise(long generation) {
        try {
            DurableFiles.replace(file, generation + "\n");
        } catch (IOException e) {
            throw new UserException(file + ": cannot be written (" + UserException.reason(e) + ")", e);
        }
    }

    long height() {
        try {
            return Long.parseLong(Files.readString(file).strip());
        } catch (NoSuchFileException e) {
            return 0;
        } catch (IOException | NumberFormatException e) {
            throw new UserException(
                    file + ": cannot be read (" + e
                            + "); it holds the number of a generation: write the newest in ledger.jsonl",
                    e);
        }
    }

    /** @throws FencedException when the run went on without that generation */
    void pass(long generation) {
        long height = height();
        if (generation < height) {
            throw new FencedException(file.toAbsolutePath().getParent() + ": generation " + generation
                    + " writes no checkpoint any more, the run went on in generation " + height);
        }
    }
}

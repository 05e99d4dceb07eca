package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.rekindle.data.UserException;

/**
 * A file of the run folder with the number of a generation: what older ones hold is no longer the run's. {@code fence} guards the
 * checkpoints: it rises when a run goes back to one or another node takes it over, so that nobody who was left behind, as by a partition of
 * the network, adds to them. {@code lineage} guards the weights: it rises when a run goes back.
 */
record Fence(Path file) {

    /** What happens while a fence stands still. */
    interface Passage {
        void run() throws IOException;
    }

    void raise(long generation) {
        try {
            alone(() -> DurableFiles.replace(file, generation + "\n"));
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

    /**
     * The same, and something that must not happen once the fence is higher.
     *
     * @throws FencedException when the run went on without that generation; nothing happened then
     */
    void pass(long generation, Passage passage) throws IOException {
        alone(() -> {
            pass(generation);
            passage.run();
        });
    }

    private void alone(Passage passage) throws IOException {
        FileLocked.run(file.resolveSibling(file.getFileName() + ".lock"), () -> {
            passage.run();
            return null;
        });
    }
}

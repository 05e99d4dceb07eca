package org.rekindle.coordinator.checkpoints;

import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import org.rekindle.coordinator.config.RunConfig;

/**
 * The folder of one run, {@code log_dir/name}, held exclusively while this is open.
 */
public final class RunFolder implements AutoCloseable {

    private RunFolder() {}

    /**
     * Creates the folder where needed, locks it and writes {@code config.yaml} (no secret in it).
     *
     * @throws org.rekindle.data.UserException in one line, when it cannot be written, or when another process holds it, naming that one
     */
    public static RunFolder open(RunConfig config) {
        throw new UnsupportedOperationException("being written");
    }

    public Path path() {
        throw new UnsupportedOperationException("being written");
    }

    /** Folder for the run's log files. */
    public Path logs() {
        throw new UnsupportedOperationException("being written");
    }

    public Path ledgerFile() {
        throw new UnsupportedOperationException("being written");
    }

    public Path metricsFile() {
        throw new UnsupportedOperationException("being written");
    }

    public CheckpointFolder checkpoints() {
        throw new UnsupportedOperationException("being written");
    }

    /**
     * What the run starts from: the newest valid checkpoint with {@code experiment.requeue}, empty for a folder without checkpoints.
     *
     * @param messages is told of checkpoints passed over
     * @throws org.rekindle.data.UserException when there are checkpoints and {@code experiment.requeue} is false, or none of them is whole
     */
    public Optional<Checkpoint> startingPoint(Consumer<String> messages) {
        throw new UnsupportedOperationException("being written");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("being written");
    }
}

package org.rekindle.coordinator.checkpoints;

import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The folder {@code checkpoints} of a run folder, and the link {@code current_pipeline} beside it.
 *
 * <p>Threads: any thread may call it; commits run one at a time.
 */
public final class CheckpointFolder {

    private CheckpointFolder() {}

    /**
     * @param runFolder {@code log_dir/name}
     * @param keep checkpoints to keep, at least 1; null keeps all
     */
    public static CheckpointFolder open(Path runFolder, Integer keep) {
        throw new UnsupportedOperationException("being written");
    }

    /**
     * Writes a checkpoint and commits it: either it is there whole afterwards, or an exception says why not, nothing of it is left and
     * the checkpoints before it are untouched.
     *
     * @param state becomes {@code trainer.json}; its step names the folder
     * @param writer writes everything else into the folder it is given, which nobody reads yet; files that did not change may be
     *     hard links to the previous checkpoint's; may throw {@link java.io.UncheckedIOException}
     * @throws org.rekindle.data.UserException in one line, when the disk is full or cannot be written
     */
    public Checkpoint commit(TrainerState state, Consumer<Path> writer) {
        throw new UnsupportedOperationException("being written");
    }

    /**
     * Finds the newest checkpoint whose files all have the size and SHA-256 that its manifest says.
     *
     * @param passedOver is told, in a line each, of newer ones that were passed over and why
     */
    public Optional<Checkpoint> newestValid(Consumer<String> passedOver) {
        throw new UnsupportedOperationException("being written");
    }
}

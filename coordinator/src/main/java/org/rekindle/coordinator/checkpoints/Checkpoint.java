package org.rekindle.coordinator.checkpoints;

import java.nio.file.Path;

/**
 * A committed checkpoint whose manifest checked out when it was found or made.
 *
 * @param folder {@code checkpoints/step_XXXXXXXX}
 * @param state its {@code trainer.json}
 */
public record Checkpoint(Path folder, TrainerState state) {

    /** Optimizer steps committed when it was made. */
    public long step() {
        return state.step();
    }

    /** The diffusers pipeline in it. */
    public Path pipeline() {
        return folder.resolve("pipeline");
    }
}

package org.rekindle.worker.training;

import java.nio.file.Files;
import java.util.function.Function;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.Checkpoints;
import org.rekindle.coordinator.checkpoints.TrainerState;

/**
 * A session just made.
 *
 * @param start the state that it was made from
 */
record OpenedSession(TrainingSession session, TrainerState start) {

    /**
     * Makes the session of a checkpoint. A worker that joins loads while the others go on: they may commit, and remove what is being
     * loaded; then it begins again with the newest one, whose state is another.
     *
     * @throws org.rekindle.data.UserException when the session cannot be made of a checkpoint that is there
     */
    static OpenedSession of(Checkpoints checkpoints, Checkpoint start, Function<Checkpoint, TrainingSession> session) {
        Checkpoint from = start;
        while (true) {
            try {
                return new OpenedSession(session.apply(from), from.state());
            } catch (RuntimeException e) {
                if (Files.isDirectory(from.folder())) {
                    throw e;
                }
                from = checkpoints.readOrNewest(checkpoints.location(from.step()));
            }
        }
    }
}

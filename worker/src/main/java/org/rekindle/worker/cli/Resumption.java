package org.rekindle.worker.cli;

import java.util.function.Consumer;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.UserException;

/** A run that goes on from a checkpoint, by a configuration that need not be the one which the checkpoint was made by. */
record Resumption(RunConfig config, Checkpoint start) {

    /**
     * Checks what a run may not change half-way, or its examples and noise would be others.
     *
     * @param notes is told what may be changed and was
     * @throws UserException naming the key
     */
    void check(Consumer<String> notes) {
        Integer lanes = config.system().lanes();
        int trained = start.state().lanes();
        check("system.lanes", lanes == null ? trained : lanes, trained);
        check("system.seed", config.system().seed(), start.state().seed());
        long examples = start.step() * trained * config.system().batchSize();
        if (examples != start.state().examplesSeen()) {
            throw new UserException("system.batch_size=" + config.system().batchSize() + " does not fit "
                    + start.folder()
                    + ", which saw " + start.state().examplesSeen() + " examples in " + start.step() + " steps of "
                    + trained + " lanes: keep the batch size, or start a run of another name");
        }
        if (!config.configurationHash().equals(start.state().configurationHash())) {
            notes.accept("note: the configuration is not the one that " + start.folder() + " was trained with");
        }
    }

    private void check(String key, long configured, long trained) {
        if (configured != trained) {
            throw new UserException(key + "=" + configured + " does not fit " + start.folder() + ", trained with "
                    + trained + ": keep it for the life of the run, or start a run of another name");
        }
    }

    /** Steps that are left to do. */
    long stepsLeft() {
        return Math.max(0, config.totalSteps(start.state().lanes()) - start.step());
    }
}

package org.rekindle.worker.training;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.data.lanes.LaneCursor;

/**
 * Makes the {@code trainer.json} of a run's checkpoints.
 *
 * @param lanes lanes of the run
 * @param batchSize examples per lane and step
 * @param seed the run's seed
 * @param configurationHash what the run's numbers depend on, hashed
 */
record TrainerStates(int lanes, int batchSize, long seed, String configurationHash) {

    /**
     * @param step the newest committed step
     * @param cursors where each lane stands after it
     * @param session what the training session wants back
     */
    TrainerState at(long step, Map<Integer, LaneCursor> cursors, ObjectNode session) {
        return new TrainerState(step, step * lanes * batchSize, lanes, cursors, seed, configurationHash, session);
    }
}

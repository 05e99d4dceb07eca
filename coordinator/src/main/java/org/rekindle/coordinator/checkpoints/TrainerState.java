package org.rekindle.coordinator.checkpoints;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import org.rekindle.data.lanes.LaneCursor;

/**
 * Where a run stands: {@code trainer.json} of a checkpoint.
 *
 * @param step committed optimizer steps; 0 before the first
 * @param examplesSeen examples of all committed steps
 * @param lanes lanes of the run, for its life
 * @param cursors where each lane goes on, by lane
 * @param seed the run's seed
 * @param configurationHash what {@code RunConfig.configurationHash()} gave when the checkpoint was made
 * @param session what the training session wants back, such as the EMA's update count; null for nothing
 */
public record TrainerState(
        long step,
        long examplesSeen,
        int lanes,
        Map<Integer, LaneCursor> cursors,
        long seed,
        String configurationHash,
        ObjectNode session) {

    static final String NAME = "trainer.json";

    public TrainerState {
        cursors = Map.copyOf(cursors);
    }
}

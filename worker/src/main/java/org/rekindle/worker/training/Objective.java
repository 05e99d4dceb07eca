package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * What a run trains, and on which loss. Owns the modules of all components that the loss needs; those that are not trained run
 * without recording gradients.
 */
interface Objective extends AutoCloseable {

    /** The component that is trained. */
    Component component();

    /** Its module. */
    TorchModule trained();

    /**
     * Adds the gradients of a lane's mean loss, divided by {@code lanes}, to those of the trained parameters.
     *
     * @param scope owns every array made on the way; closed by the caller
     * @param batch one lane's examples
     * @param draws the lane's random numbers in this step
     * @param lanes lanes of the whole run
     * @param done told of each of {@link #segments} when its gradients are there; null where nobody asks
     * @return the lane's mean loss, not divided, of shape ()
     */
    NDArray accumulate(NDManager scope, LaneBatch batch, Draws draws, int lanes, Consumer<String> done);

    /**
     * Names of the trained parameters by the segment that uses them, in the order in which a backward pass is done with the segments;
     * empty where it goes through the model in one.
     */
    default Map<String, List<String>> segments() {
        return Map.of();
    }

    /**
     * Returns the mean loss of examples that are not trained on, of shape (), without what the training adds to it (loss weights,
     * noise beyond the standard normal), so that runs with different options compare. The caller's gradient mode is off.
     */
    NDArray evaluate(NDManager scope, LaneBatch batch, Draws draws);

    /** All that lives as long as the run is in memory; what is left is for the lanes. */
    default void ready() {}

    /** Bytes that a lane of so many examples is predicted to take beside all that lives as long as the run. */
    long laneMemory(int batch);

    @Override
    void close();
}

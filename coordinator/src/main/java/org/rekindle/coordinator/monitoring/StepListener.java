package org.rekindle.coordinator.monitoring;

import java.nio.file.Path;

/**
 * Watches a run: metrics files, progress on a console, sample pictures. The training loop itself logs and saves nothing.
 *
 * <p>Threads: calls come one at a time, in the order of the steps, and not from the training thread; {@link #saved} may come from the
 * thread that wrote the checkpoint. A listener must be quick.
 */
public interface StepListener extends AutoCloseable {

    /**
     * The run starts, or goes on.
     *
     * @param step steps committed before
     * @param totalSteps steps of the whole run
     * @param examplesSeen examples seen before
     */
    default void started(long step, long totalSteps, long examplesSeen) {}

    /** A step was committed. */
    default void committed(StepMetrics metrics) {}

    /**
     * The weights after a step were tried on the held-out examples.
     *
     * @param step the step
     * @param loss mean loss over the examples
     */
    default void validated(long step, double loss) {}

    /**
     * The run knows of a checkpoint on disk.
     *
     * @param step its step
     * @param seconds from the commit of that step on
     */
    default void saved(long step, double seconds) {}

    /**
     * A checkpoint was committed.
     *
     * @param step its step
     * @param pipeline the diffusers pipeline in it
     */
    default void saved(long step, Path pipeline) {}

    /** Something the user should read, in one line. */
    default void message(String line) {}

    /** The run has ended, well or not. */
    @Override
    default void close() {}
}

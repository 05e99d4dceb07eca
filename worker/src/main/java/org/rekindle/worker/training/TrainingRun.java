package org.rekindle.worker.training;

import java.util.List;
import java.util.function.LongToDoubleFunction;
import java.util.function.Supplier;
import org.rekindle.coordinator.checkpoints.RunFolder;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.data.lanes.LanePlan;

/**
 * One node's part in a run, from the first step to the last or to the drain: an actor system that forms the cluster, the coordinator
 * as its singleton, and this node's worker.
 *
 * @param config the run's configuration
 * @param folder the run folder, open and locked; the caller closes it afterwards
 * @param start where the run stands: a checkpoint's state, or {@link #fresh} for a new run
 * @param plan which examples each lane walks
 * @param session makes the training session; called once, on the training thread, which also closes the session
 * @param learningRate learning rate by optimizer step, for the metrics
 * @param listeners watch the run; closed when it ends
 */
public record TrainingRun(
        RunConfig config,
        RunFolder folder,
        TrainerState start,
        LanePlan plan,
        Supplier<TrainingSession> session,
        LongToDoubleFunction learningRate,
        List<StepListener> listeners) {

    /** The state of a run that has not taken a step. */
    public static TrainerState fresh(RunConfig config, int lanes) {
        throw new UnsupportedOperationException("lands soon");
    }

    /**
     * Runs until the last step is in a checkpoint, until SIGINT, SIGTERM or SIGUSR1 has drained the run, or until it fails. Blocks the
     * calling thread; never throws for what the outcome can tell.
     */
    public Outcome run() {
        throw new UnsupportedOperationException("lands soon");
    }
}

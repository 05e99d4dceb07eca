package org.rekindle.worker.training;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.collectives.Collective;

/**
 * The compute side of one worker: weights, gradients, optimizer and EMA on one device. The worker's training thread drives it and is
 * the only thread that touches it; {@link Snapshot}s are free of native memory and may be written by any thread.
 */
public interface TrainingSession extends AutoCloseable {

    /**
     * Runs forward and backward of one step over the worker's lanes, one after the other, and leaves in the gradients their sum
     * divided by {@code lanes}, summed over the workers of the collective.
     *
     * @param step the optimizer step, from 1
     * @param batches one per lane of this worker
     * @param lanes lanes of the whole run, the divisor of loss and gradients
     */
    StepResult computeGradients(long step, List<LaneBatch> batches, int lanes);

    /** Seconds that the last {@link #computeGradients} waited for the other workers, and for their gradients to be summed. */
    double reduceSeconds();

    /**
     * Lets {@link #computeGradients} end early, between two lanes, with a {@code CollectiveAbortedException}.
     *
     * @param isOver whether nobody waits for the step any more
     */
    void endWhere(BooleanSupplier isOver);

    /**
     * Sums gradients over the workers of a generation from now on.
     *
     * @param collective connected; null for a worker that is alone
     */
    void reduceOver(Collective collective);

    /**
     * Takes the state of another worker, or helps others to take it: every worker of the collective calls this.
     *
     * @param source rank that gives its state
     * @param takes whether this worker takes it
     */
    void transfer(Collective collective, int source, boolean takes);

    /** Goes back to the state of a checkpoint. */
    void restore(Checkpoint checkpoint);

    /** Applies the committed step: gradient clipping, optimizer, EMA. Leaves the gradients zero. */
    void apply(long step);

    /** Drops the gradients of an aborted or skipped step; weights stay as they were. */
    void discard();

    /** Returns the loss on held-out examples of the weights after a step; empty where no validation is due then. */
    OptionalDouble validationLoss(long step);

    /** Copies to the host all that a checkpoint needs. Training may go on as soon as this returns. */
    Snapshot snapshot();

    /** Gives rank 0 what it lacks for its {@link #snapshot}: the other ranks call this while it takes one. */
    void contribute();

    @Override
    void close();

    /**
     * @param lossSum sum over this worker's lanes of the mean loss of a lane's batch
     * @param gradientNorm L2 norm of all gradients before clipping; NaN where a worker holds only its part of the sum
     * @param finite whether loss and gradients are finite numbers
     */
    record StepResult(double lossSum, double gradientNorm, boolean finite) {}

    /** A host copy of the training state. */
    interface Snapshot {
        /**
         * Writes {@code pipeline/}, {@code unet.safetensors} (with EMA only), {@code optimizer.safetensors} and
         * {@code ema.safetensors} (DESIGN 3.3) into an existing folder that nobody reads yet.
         */
        void writeTo(Path folder);

        /** What the session wants to find in {@code trainer.json} at the next start, such as the EMA's update count. */
        ObjectNode state();
    }
}

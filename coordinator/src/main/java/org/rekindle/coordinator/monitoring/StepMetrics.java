package org.rekindle.coordinator.monitoring;

import org.rekindle.data.lanes.StageCounts;

/**
 * One committed step, for those who watch.
 *
 * @param step the optimizer step, from 1
 * @param examplesSeen examples of the run up to and with this step
 * @param stepLoss mean loss over the step's lanes
 * @param lr learning rate of this step
 * @param gradNorm L2 norm of all gradients before clipping
 * @param workers workers (GPUs) that computed it
 * @param dataWait seconds that the slowest worker waited for its batches
 * @param generation of the workers
 * @param skipped whether its gradients were not finite and no weight changed
 * @param data what the data plane of all workers has done since their lanes were opened; null but at the steps of checkpoints
 */
public record StepMetrics(
        long step,
        long examplesSeen,
        double stepLoss,
        double lr,
        double gradNorm,
        int workers,
        double dataWait,
        long generation,
        boolean skipped,
        StageCounts data) {}

package org.rekindle.coordinator.protocol;

import org.rekindle.data.lanes.StageCounts;

/**
 * Where a worker's share of one step spent its time.
 *
 * @param dataWait seconds of waiting for the batches of its lanes: 0 as long as the data keeps up
 * @param compute seconds of forward and backward, and of what is summed meanwhile
 * @param reduce seconds of waiting for the sums of gradients: the transfer as far as the backward pass has not hidden it, and slower workers
 * @param data what its lanes have done since they were opened
 */
public record StepStages(double dataWait, double compute, double reduce, StageCounts data) {}

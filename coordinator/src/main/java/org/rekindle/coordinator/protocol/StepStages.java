package org.rekindle.coordinator.protocol;

import org.rekindle.data.lanes.StageCounts;

/**
 * Where a worker's share of one step spent its time.
 *
 * @param dataWait seconds of waiting for the batches of its lanes: 0 as long as the data keeps up
 * @param compute seconds of forward and backward
 * @param reduce seconds in the collective: the transfer, and waiting for slower workers
 * @param data what its lanes have done since they were opened
 */
public record StepStages(double dataWait, double compute, double reduce, StageCounts data) {}

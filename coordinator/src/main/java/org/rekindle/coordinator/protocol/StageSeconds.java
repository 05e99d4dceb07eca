package org.rekindle.coordinator.protocol;

/**
 * Where a worker's share of one step spent its time, in seconds.
 *
 * @param dataWait waiting for the batches of its lanes: 0 as long as the data keeps up
 * @param compute forward, backward and the collective
 */
public record StageSeconds(double dataWait, double compute) {}

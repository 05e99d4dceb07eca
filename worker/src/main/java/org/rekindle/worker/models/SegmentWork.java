package org.rekindle.worker.models;

/**
 * What a segment of {@link UNet2DConditionModel#segments} takes, for one example.
 *
 * @param state elements of the tensors that it adds to the state between segments
 * @param parameters elements of its parameters
 */
public record SegmentWork(Work work, long state, long parameters) {}

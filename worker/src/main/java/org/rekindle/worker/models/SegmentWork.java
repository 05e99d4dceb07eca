package org.rekindle.worker.models;

/**
 * What a segment of {@link UNet2DConditionModel#segments} takes, for one example.
 *
 * @param state elements of the tensors that it adds to the state between segments
 * @param output elements of its last result, which none of its own operations keeps
 * @param passing elements of the state that it hands on as they are
 */
public record SegmentWork(Work work, long state, long output, long passing) {}

package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.ComputeType;

/**
 * What a module is given, for one example: a feature map of height x width positions, or text of 1 x L.
 *
 * @param context tokens of the text beside it; 0 where there is none
 * @param hardware where it is
 * @param castFor examples that weights are cast for at once; 0 where weights are used as they are
 */
public record Extent(int height, int width, int context, Hardware hardware, int castFor) {

    /** Where weights are used as they are, or their casts do not count. */
    public Extent(int height, int width, int context, Hardware hardware) {
        this(height, width, context, hardware, 0);
    }

    /** So many tokens in a row. */
    public static Extent ofTokens(int tokens, Hardware hardware) {
        return new Extent(1, tokens, 0, hardware);
    }

    /** The same as one example of a batch that is computed in a type. */
    public Extent oneOf(int batch, ComputeType type) {
        return new Extent(height, width, context, hardware, type == ComputeType.FP32 ? 0 : batch);
    }

    /** One example's share in the cast of a weight. */
    long cast(long weight) {
        return castFor == 0 ? 0 : weight / castFor;
    }

    long positions() {
        return (long) height * width;
    }

    Extent resized(int newHeight, int newWidth) {
        return new Extent(newHeight, newWidth, context, hardware, castFor);
    }

    Extent tokens(int tokens) {
        return new Extent(1, tokens, 0, hardware, castFor);
    }

    Extent doubled() {
        return resized(2 * height, 2 * width);
    }
}

package org.rekindle.data.lanes;

/**
 * The section {@code dataset.params.buckets}: images keep their aspect ratio, as nearly as a grid of sizes allows, instead of being
 * cropped to squares.
 *
 * @param step sides are multiples of it, default 64: what the autoencoder (8) and the UNet (8) divide by
 * @param maxAspectRatio of the longer side to the shorter, default 2
 */
public record BucketsConfig(Integer step, Double maxAspectRatio) {

    public BucketsConfig {
        step = step == null ? 64 : step;
        maxAspectRatio = maxAspectRatio == null ? 2.0 : maxAspectRatio;
    }
}

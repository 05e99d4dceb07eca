package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The sizes that a data set's images are brought to, each of about {@code resolution}^2 pixels: aspect-ratio buckets as NovelAI
 * introduced them for Stable Diffusion. A single square where there are no buckets.
 *
 * @param sizes from the tallest to the widest
 */
record Buckets(List<ImageSize> sizes) {

    static Buckets of(int resolution, BucketsConfig config) {
        if (config == null) {
            return new Buckets(List.of(new ImageSize(resolution, resolution)));
        }
        List<ImageSize> sizes = new ArrayList<>();
        long area = (long) resolution * resolution;
        int step = config.step();
        for (int width = step; (long) width * step <= area; width += step) {
            ImageSize size = new ImageSize(width, (int) (area / width / step) * step);
            double aspect = size.aspect();
            if (Math.max(aspect, 1 / aspect) <= config.maxAspectRatio()) {
                sizes.add(size);
            }
        }
        if (sizes.isEmpty()) {
            sizes.add(new ImageSize(resolution, resolution));
        }
        return new Buckets(sizes);
    }

    boolean areMany() {
        return sizes.size() > 1;
    }

    /** Returns the size whose aspect ratio is nearest to an image's, by their quotient. */
    ImageSize nearest(int width, int height) {
        double aspect = Math.log((double) width / height);
        return sizes.stream()
                .min(Comparator.comparingDouble(size -> Math.abs(Math.log(size.aspect()) - aspect)))
                .orElseThrow();
    }
}

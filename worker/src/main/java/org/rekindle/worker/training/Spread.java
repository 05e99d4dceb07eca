package org.rekindle.worker.training;

import java.util.Arrays;

/**
 * The middle of some measurements, and how far they lie apart.
 *
 * @param p10 the 10th percentile
 * @param median the 50th
 * @param p90 the 90th
 */
public record Spread(double p10, double median, double p90) {

    /** @param values at least one */
    static Spread of(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return new Spread(percentile(sorted, 0.1), percentile(sorted, 0.5), percentile(sorted, 0.9));
    }

    /** Between neighbours by linear interpolation, as NumPy has it. */
    private static double percentile(double[] sorted, double share) {
        double position = share * (sorted.length - 1);
        int below = (int) position;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }
}

package org.rekindle.worker.training;

/** The EMA's arithmetic; the weights themselves are averaged by {@link OptimizerStep}. */
final class ExponentialMovingAverage {

    private ExponentialMovingAverage() {}

    /**
     * Returns the share of the old average that the n-th update keeps: {@code min(decay, (1 + n) / (10 + n))}, torch_ema's warm-up.
     *
     * @param decay the configured decay, {@code model.ema.decay}
     * @param update the update's number, from 1
     */
    static double decayOf(double decay, long update) {
        return Math.min(decay, (1.0 + update) / (10.0 + update));
    }
}

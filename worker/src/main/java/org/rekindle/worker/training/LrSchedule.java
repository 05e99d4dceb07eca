package org.rekindle.worker.training;

/**
 * The learning rate as a function of optimizer steps alone, so that neither the number of workers nor a restart moves it. The
 * formulas are open-diffusion's.
 */
@FunctionalInterface
public interface LrSchedule {

    /** Returns the learning rate of an optimizer step, counted from 0. */
    double at(long index);

    /**
     * Rises linearly over the first steps, then stays.
     *
     * @param learningRate the rate after the warm-up
     * @param warmupLength optimizer steps of the warm-up: step i gets {@code learningRate * (i + 1) / warmupLength}
     */
    static LrSchedule constantWithWarmup(double learningRate, long warmupLength) {
        return index -> index < warmupLength ? warmup(learningRate, index, warmupLength) : learningRate;
    }

    /**
     * Rises linearly over the first steps, then falls along half a cosine to 0 at the end of the run.
     *
     * @param totalSteps optimizer steps of the whole run; the rate stays 0 beyond it
     */
    static LrSchedule cosineWithWarmup(double learningRate, long warmupLength, long totalSteps) {
        return index -> {
            if (index < warmupLength) {
                return warmup(learningRate, index, warmupLength);
            }
            double decayed = (double) (index - warmupLength) / Math.max(1, totalSteps - warmupLength);
            return 0.5 * (1 + Math.cos(Math.PI * Math.min(1, decayed))) * learningRate;
        };
    }

    private static double warmup(double learningRate, long index, long warmupLength) {
        return learningRate * (index + 1) / warmupLength;
    }
}

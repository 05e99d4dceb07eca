package org.rekindle.worker.training;

import org.rekindle.coordinator.config.LrSchedulerConfig;
import org.rekindle.coordinator.config.RunConfig;

/**
 * The learning rate as a function of optimizer steps alone, so that neither the number of workers nor a restart moves it. The
 * formulas are open-diffusion's.
 */
@FunctionalInterface
public interface LrSchedule {

    /** Returns the learning rate of an optimizer step, counted from 0. */
    double at(long index);

    /**
     * Returns the schedule that a run's configuration names.
     *
     * @param lanes lanes of the run
     */
    static LrSchedule of(RunConfig config, int lanes) {
        LrSchedulerConfig.Params params = config.lrScheduler().params();
        double learningRate = params.learningRate() != null
                ? params.learningRate()
                : config.optimizer().params().learningRate();
        return config.lrScheduler().scheduler().equals(LrSchedulerConfig.COSINE_WITH_WARMUP)
                ? cosineWithWarmup(learningRate, params.warmupLength(), config.totalSteps(lanes))
                : constantWithWarmup(learningRate, params.warmupLength());
    }

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

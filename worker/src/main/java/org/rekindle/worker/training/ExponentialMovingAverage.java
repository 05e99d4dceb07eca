package org.rekindle.worker.training;

import org.rekindle.coordinator.config.EmaConfig;

/** The EMA's arithmetic; the weights themselves are averaged by {@link OptimizerStep}. */
final class ExponentialMovingAverage {

    private ExponentialMovingAverage() {}

    /**
     * Returns the share of the old average that the n-th update keeps: {@code decay}, or less during the warm-up. {@code torch_ema} is
     * that library's {@code (1 + n) / (10 + n)}; {@code power} is {@code 1 - (1 + (n - 1) / inv_gamma)^-power}, which diffusers'
     * {@code EMAModel} has with {@code use_ema_warmup}.
     *
     * @param update the update's number n, from 1
     */
    static double decayOf(EmaConfig ema, long update) {
        double warm =
                switch (ema.warmup()) {
                    case EmaConfig.TORCH_EMA -> (1.0 + update) / (10.0 + update);
                    case EmaConfig.POWER -> 1 - Math.pow(1 + (update - 1) / ema.invGamma(), -ema.power());
                    default -> 1;
                };
        return Math.min(ema.decay(), warm);
    }
}

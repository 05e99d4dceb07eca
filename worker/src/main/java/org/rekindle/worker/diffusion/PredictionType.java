package org.rekindle.worker.diffusion;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** What the UNet predicts; names as in {@code prediction_type} of a scheduler's config. */
public enum PredictionType {
    /** The noise. */
    EPSILON,
    /** The velocity sqrt(a) noise - sqrt(1 - a) x0, where a is alphas_cumprod (Salimans and Ho 2022, section 4). */
    V_PREDICTION,
    /** The clean latents x0. */
    SAMPLE;

    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The clean latents x0 that a prediction for latents {@code sample} = alpha x0 + sigma noise implies; of one element.
     *
     * @param alpha sqrt(alphas_cumprod)
     * @param sigma sqrt(1 - alphas_cumprod)
     */
    float original(float alpha, float sigma, float sample, float prediction) {
        return switch (this) {
            case EPSILON -> (sample - sigma * prediction) / alpha;
            case SAMPLE -> prediction;
            case V_PREDICTION -> alpha * sample - sigma * prediction;
        };
    }

    static Optional<PredictionType> parse(String key) {
        return Arrays.stream(values()).filter(type -> type.key().equals(key)).findFirst();
    }
}

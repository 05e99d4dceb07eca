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

    static Optional<PredictionType> parse(String key) {
        return Arrays.stream(values()).filter(type -> type.key().equals(key)).findFirst();
    }
}

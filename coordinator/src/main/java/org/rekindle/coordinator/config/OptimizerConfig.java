package org.rekindle.coordinator.config;

/**
 * The section {@code optimizer}.
 *
 * @param name {@code adamw}, the default
 * @param params what AdamW takes
 */
public record OptimizerConfig(String name, Params params) {

    public OptimizerConfig {
        name = name == null ? "adamw" : name;
        params = params == null ? new Params(null, null, null, null, null) : params;
    }

    /** Hyperparameters of AdamW; the defaults are PyTorch's, the learning rate has none. */
    public record Params(Double learningRate, Double beta1, Double beta2, Double weightDecay, Double epsilon) {

        public Params {
            beta1 = beta1 == null ? 0.9 : beta1;
            beta2 = beta2 == null ? 0.999 : beta2;
            weightDecay = weightDecay == null ? 0.01 : weightDecay;
            epsilon = epsilon == null ? 1e-8 : epsilon;
        }
    }
}

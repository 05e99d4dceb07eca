package org.rekindle.coordinator.config;

/**
 * The section {@code model.ema}; it takes effect with {@code model.use_ema}.
 *
 * @param path a pipeline, a UNet folder or a safetensors file whose weights the average starts from; null for the UNet's own
 * @param decay upper bound of the decay, in [0, 1], default 0.995; the first steps use (1 + n) / (10 + n)
 */
public record EmaConfig(String path, Double decay) {

    public EmaConfig {
        decay = decay == null ? 0.995 : decay;
    }
}

package org.rekindle.coordinator.config;

/**
 * The section {@code model.ema}; it takes effect with {@code model.use_ema}.
 *
 * @param path whose weights the average starts from: a pipeline, a checkpoint folder of diffusers' scripts (its {@code unet_ema}), a
 *     component's folder or a safetensors file; null for the component's own
 * @param decay upper bound of the decay, in [0, 1], default 0.995
 * @param warmup how the decay of the first updates grows: {@code torch_ema}, {@code power} or {@code none}; the default is
 *     {@code none} with a {@code path}, whose averages a small decay would forget at once, and {@code torch_ema} without
 * @param invGamma of the warm-up {@code power}, default 1; null with others
 * @param power of the warm-up {@code power}, default 2/3; null with others
 */
public record EmaConfig(String path, Double decay, String warmup, Double invGamma, Double power) {

    public static final String NONE = "none";
    public static final String TORCH_EMA = "torch_ema";
    public static final String POWER = "power";

    public EmaConfig {
        decay = decay == null ? 0.995 : decay;
        warmup = warmup != null ? warmup : path == null ? TORCH_EMA : NONE;
        if (warmup.equals(POWER)) {
            invGamma = invGamma == null ? 1.0 : invGamma;
            power = power == null ? 2.0 / 3 : power;
        }
    }
}

package org.rekindle.worker.models;

import ai.djl.ndarray.NDArray;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Map;
import org.apache.commons.rng.UniformRandomProvider;
import org.apache.commons.rng.sampling.distribution.ZigguratSampler;
import org.rekindle.data.KeyedRandom;
import org.rekindle.worker.torchscript.Initialization;
import org.rekindle.worker.torchscript.ParameterSpec;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * Fresh weights, in distribution those of PyTorch and transformers. A parameter's values depend on the seed and its name alone, so every
 * worker of a run draws the same.
 */
public final class WeightInitialization {

    private WeightInitialization() {}

    /**
     * Fills all parameters.
     *
     * @param module the loaded {@code root}
     */
    public static void fill(TorchModule module, ScriptModule root, long seed) {
        Map<String, NDArray> parameters = module.parameters();
        root.stateDict()
                .forEach((name, spec) -> Torch.copy(FloatBuffer.wrap(draw(name, spec, seed)), parameters.get(name)));
    }

    /** Draws the values of one parameter, in row-major order. */
    public static float[] draw(String name, ParameterSpec spec, long seed) {
        UniformRandomProvider random = KeyedRandom.of(seed, "weights of " + name);
        float[] values = new float[Math.toIntExact(spec.shape().size())];
        Initialization initialization = spec.initialization();
        if (initialization instanceof Initialization.Constant constant) {
            Arrays.fill(values, constant.value());
        } else if (initialization instanceof Initialization.Uniform uniform) {
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) ((2 * random.nextDouble() - 1) * uniform.bound());
            }
        } else if (initialization instanceof Initialization.Normal normal) {
            var gaussian = ZigguratSampler.NormalizedGaussian.of(random);
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (gaussian.sample() * normal.standardDeviation());
            }
        }
        return values;
    }
}

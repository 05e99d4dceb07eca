package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.function.IntFunction;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.diffusion.NoiseSchedule.Coefficients;
import org.rekindle.worker.models.UNet2DConditionModel;
import org.rekindle.worker.torchscript.Checkpointing;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * Mean squared error between what the UNet predicts from noisy latents and what the schedule says it is to predict: noise, velocity or
 * clean latents.
 *
 * @param unet the UNet that is trained
 * @param segments the UNet's segments where activations are recomputed; empty for a plain pass
 * @param math a loaded {@link DenoisingMath}
 */
record DenoisingLoss(TorchModule unet, List<String> segments, TorchModule math, NoiseSchedule schedule)
        implements AutoCloseable {

    static DenoisingLoss of(
            NDManager manager, TorchModule unet, ScriptModule script, NoiseSchedule schedule, boolean checkpointing) {
        List<String> segments = checkpointing ? ((UNet2DConditionModel) script).segments() : List.of();
        return new DenoisingLoss(unet, segments, TorchModule.load(manager, new DenoisingMath()), schedule);
    }

    /**
     * Adds the gradients of the mean loss, divided by {@code lanes}, to those of the UNet's parameters.
     *
     * @param latents clean latents of shape (batch, channels, height, width)
     * @param noise of the latents' shape
     * @param timesteps one per example
     * @param states text states of shape (batch, tokens, width)
     * @return the mean loss, of shape ()
     */
    NDArray accumulate(NDManager scope, NDArray latents, NDArray noise, int[] timesteps, NDArray states, int lanes) {
        NDArray noisy = mix(scope, latents, noise, timesteps, schedule::addNoise);
        NDArray target = mix(scope, latents, noise, timesteps, schedule::target);
        long[] steps = new long[timesteps.length];
        for (int i = 0; i < steps.length; i++) {
            steps[i] = timesteps[i];
        }
        NDArray timestep = Tensors.of(scope, new Shape(steps.length), steps);
        return segments.isEmpty()
                ? plain(scope, noisy, timestep, states, target, lanes)
                : checkpointed(scope, noisy, timestep, states, target, lanes);
    }

    private NDArray plain(NDManager scope, NDArray noisy, NDArray timestep, NDArray states, NDArray target, int lanes) {
        return Torch.withGrad(() -> {
            NDArray prediction =
                    unet.call(scope, "forward", noisy, timestep, states).singletonOrThrow();
            return backward(scope, prediction, target, lanes);
        });
    }

    private NDArray checkpointed(
            NDManager scope, NDArray noisy, NDArray timestep, NDArray states, NDArray target, int lanes) {
        try (Checkpointing pass = Checkpointing.forward(scope, unet, segments, List.of(noisy, timestep), states)) {
            NDArray prediction = Torch.leaf(scope, pass.output());
            NDArray loss = Torch.withGrad(() -> backward(scope, prediction, target, lanes));
            pass.backward(Torch.gradient(scope, prediction));
            return loss;
        }
    }

    private NDArray backward(NDManager scope, NDArray prediction, NDArray target, int lanes) {
        NDArray loss = math.call(scope, "loss", prediction, target).singletonOrThrow();
        Torch.backward(loss.div(Tensors.scalar(scope, (float) lanes)));
        return loss;
    }

    /** Mixes latents and noise, each example by the coefficients of its timestep. */
    private NDArray mix(
            NDManager scope, NDArray latents, NDArray noise, int[] timesteps, IntFunction<Coefficients> mixture) {
        float[] a = new float[timesteps.length];
        float[] b = new float[timesteps.length];
        for (int i = 0; i < timesteps.length; i++) {
            Coefficients coefficients = mixture.apply(timesteps[i]);
            a[i] = (float) coefficients.latents();
            b[i] = (float) coefficients.noise();
        }
        Shape batch = new Shape(timesteps.length);
        return math.call(scope, "mix", latents, noise, Tensors.of(scope, batch, a), Tensors.of(scope, batch, b))
                .singletonOrThrow();
    }

    @Override
    public void close() {
        unet.close();
        math.close();
    }
}

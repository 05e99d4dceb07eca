package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * Draws the noise of the training: standard normal, plus what {@code objective.params} adds to it.
 *
 * @param math a loaded {@link DenoisingMath}
 * @param offset strength of a further draw for each channel of an example, the same all over it, so that the model learns to move the
 *     mean brightness (Guttenberg 2023, "Diffusion with offset noise"); null for none
 * @param perturbation strength of a further draw for the input alone, which prepares the model for its own errors (Ning et al. 2023,
 *     "Input perturbation reduces exposure bias in diffusion models", algorithm 1); null for none
 */
record NoiseSource(TorchModule math, Double offset, Double perturbation) {

    static NoiseSource of(TorchModule math, ObjectiveConfig.Params params) {
        return new NoiseSource(math, params.noiseOffset(), params.inputPerturbation());
    }

    /** @param shape of the latents, (batch, channels, height, width) */
    Noise draw(NDManager scope, Draws draws, Shape shape) {
        NDArray noise = ImageBatch.normal(scope, draws, Draws.NOISE, shape);
        if (offset != null) {
            Shape each = new Shape(shape.get(0), shape.get(1), 1, 1);
            noise = add(scope, noise, ImageBatch.normal(scope, draws, Draws.NOISE_OFFSET, each), offset);
        }
        if (perturbation == null) {
            return Noise.of(noise);
        }
        NDArray more = ImageBatch.normal(scope, draws, Draws.INPUT_PERTURBATION, shape);
        return new Noise(add(scope, noise, more, perturbation), noise);
    }

    /** Adds {@code more}, which is broadcast, times a strength. */
    NDArray add(NDManager scope, NDArray noise, NDArray more, double strength) {
        return math.call(scope, "add", noise, more, Tensors.scalar(scope, (float) strength))
                .singletonOrThrow();
    }
}

package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.function.Consumer;
import java.util.function.IntToLongFunction;
import java.util.function.UnaryOperator;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.models.AutoencoderKL;
import org.rekindle.worker.models.Extent;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * Trains the autoencoder to give an image back from a sample of its posterior; the loss is that of {@link AutoencoderLoss}.
 *
 * @param memory bytes that a lane takes, by its number of examples
 */
record AutoencoderObjective(IntToLongFunction memory, TorchModule vae, TorchModule latentMath, TorchModule loss)
        implements Objective {

    /**
     * Loads the autoencoder.
     *
     * @param manager its device is the training's; closing it closes the modules
     * @param image height and width of the images
     * @throws org.rekindle.data.UserException when the component is missing or broken
     */
    static AutoencoderObjective open(
            NDManager manager,
            PipelineDirectory pipeline,
            Extent image,
            ObjectiveConfig.Params params,
            ComputeType type) {
        AutoencoderKL script = (AutoencoderKL) pipeline.module(Component.VAE, type);
        return of(
                manager,
                batch -> new ActivationMemory(batch, type).plain(script.work(image.oneOf(batch, type))),
                pipeline.load(manager, Component.VAE, type),
                params);
    }

    static AutoencoderObjective of(
            NDManager manager, IntToLongFunction memory, TorchModule vae, ObjectiveConfig.Params params) {
        boolean absolute = params.reconstruction().equals(ObjectiveConfig.Params.L1);
        return new AutoencoderObjective(
                memory,
                vae,
                TorchModule.load(manager, new LatentMath(1)), // unscaled, as the decoder wants them
                TorchModule.load(manager, new AutoencoderLoss(params.klWeight(), absolute)));
    }

    @Override
    public Component component() {
        return Component.VAE;
    }

    @Override
    public TorchModule trained() {
        return vae;
    }

    @Override
    public NDArray accumulate(NDManager scope, LaneBatch batch, Draws draws, int lanes, Consumer<String> done) {
        ImageBatch images = new ImageBatch(latentMath);
        NDArray image = images.pixels(scope, batch); // (N, 3, H, W)
        return accumulate(scope, image, moments -> images.sample(scope, moments, draws), lanes);
    }

    @Override
    public NDArray evaluate(NDManager scope, LaneBatch batch, Draws draws) {
        ImageBatch images = new ImageBatch(latentMath);
        NDArray image = images.pixels(scope, batch); // (N, 3, H, W)
        return mean(scope, image, moments -> images.sample(scope, moments, draws));
    }

    /** @param sample draws latents from the posterior of given moments */
    NDArray accumulate(NDManager scope, NDArray image, UnaryOperator<NDArray> sample, int lanes) {
        return Torch.withGrad(() -> {
            NDArray mean = mean(scope, image, sample);
            Torch.backward(mean.div(Tensors.scalar(scope, (float) lanes)));
            return mean;
        });
    }

    private NDArray mean(NDManager scope, NDArray image, UnaryOperator<NDArray> sample) {
        NDArray moments = vae.call(scope, "encode", image).singletonOrThrow(); // (N, 2C, h, w)
        NDArray latents = sample.apply(moments); // (N, C, h, w)
        NDArray reconstruction = vae.call(scope, "decode", latents).singletonOrThrow(); // (N, 3, H, W)
        return loss.call(scope, "loss", image, reconstruction, moments).singletonOrThrow();
    }

    @Override
    public long laneMemory(int batch) {
        return memory.applyAsLong(batch);
    }

    @Override
    public void close() {
        vae.close();
        latentMath.close();
        loss.close();
    }
}

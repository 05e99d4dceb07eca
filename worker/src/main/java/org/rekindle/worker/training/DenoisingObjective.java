package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.Tokenizer;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * Trains the UNet to denoise latents (Ho et al. 2020, Rombach et al. 2022): the autoencoder and the text encoder are frozen; the loss is
 * that of {@link DenoisingLoss}.
 */
final class DenoisingObjective implements Objective {

    private final TorchModule vae;
    private final TorchModule textEncoder;
    private final Tokenizer tokenizer;
    private final TorchModule latentMath;
    private final ImageBatch images;
    private final DenoisingLoss loss;
    private final NoiseSource noises;

    private DenoisingObjective(
            TorchModule vae,
            TorchModule textEncoder,
            Tokenizer tokenizer,
            TorchModule latentMath,
            DenoisingLoss loss,
            NoiseSource noises) {
        this.vae = vae;
        this.textEncoder = textEncoder;
        this.tokenizer = tokenizer;
        this.latentMath = latentMath;
        this.images = new ImageBatch(latentMath);
        this.loss = loss;
        this.noises = noises;
    }

    /**
     * Loads the components.
     *
     * @param manager its device is the training's; closing it closes the modules
     * @param schedule noise schedule of the training
     * @param checkpointing whether to recompute activations in the backward pass
     * @throws org.rekindle.data.UserException when a component is missing or broken
     */
    static DenoisingObjective open(
            NDManager manager,
            PipelineDirectory pipeline,
            NoiseSchedule schedule,
            ObjectiveConfig.Params params,
            ComputeType type,
            boolean checkpointing) {
        pipeline.require(Component.VAE, Component.TEXT_ENCODER, Component.TOKENIZER, Component.UNET);
        DenoisingLoss loss = DenoisingLoss.of(
                manager,
                pipeline.load(manager, Component.UNET, type),
                pipeline.module(Component.UNET, type),
                schedule,
                params.snrGamma(),
                checkpointing);
        return new DenoisingObjective(
                pipeline.load(manager, Component.VAE, type),
                pipeline.load(manager, Component.TEXT_ENCODER, type),
                pipeline.tokenizer(),
                TorchModule.load(manager, new LatentMath(pipeline.scalingFactor())),
                loss,
                NoiseSource.of(loss.math(), params));
    }

    @Override
    public Component component() {
        return Component.UNET;
    }

    @Override
    public TorchModule trained() {
        return loss.unet();
    }

    @Override
    public NDArray accumulate(NDManager scope, LaneBatch batch, Draws draws, int lanes) {
        NDArray latents = latents(scope, batch, draws); // (N, C, h, w)
        NDArray states = states(scope, batch); // (N, L, D)
        Noise noise = noises.draw(scope, draws, latents.getShape());
        return loss.accumulate(scope, latents, noise, timesteps(batch, draws), states, lanes);
    }

    @Override
    public NDArray evaluate(NDManager scope, LaneBatch batch, Draws draws) {
        NDArray latents = latents(scope, batch, draws); // (N, C, h, w)
        NDArray noise = ImageBatch.normal(scope, draws, Draws.NOISE, latents.getShape());
        return loss.evaluate(scope, latents, noise, timesteps(batch, draws), states(scope, batch));
    }

    private NDArray latents(NDManager scope, LaneBatch batch, Draws draws) {
        NDArray image = images.pixels(scope, batch); // (N, 3, H, W)
        NDArray moments = vae.call(scope, "encode", image).singletonOrThrow(); // (N, 2C, h, w)
        return images.sample(scope, moments, draws);
    }

    private NDArray states(NDManager scope, LaneBatch batch) {
        return textEncoder
                .call(scope, "forward", tokens(scope, batch.captions()))
                .singletonOrThrow();
    }

    private int[] timesteps(LaneBatch batch, Draws draws) {
        return draws.uniform(Draws.TIMESTEPS, batch.size(), loss.schedule().numTrainTimesteps());
    }

    private NDArray tokens(NDManager scope, List<String> captions) {
        long[] ids = captions.stream()
                .map(tokenizer::encode)
                .flatMapToLong(Arrays::stream)
                .toArray();
        return Tensors.of(scope, new Shape(captions.size(), ids.length / captions.size()), ids);
    }

    @Override
    public void close() {
        loss.close();
        vae.close();
        textEncoder.close();
        latentMath.close();
        tokenizer.close();
    }
}

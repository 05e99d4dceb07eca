package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
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

    private DenoisingObjective(
            TorchModule vae, TorchModule textEncoder, Tokenizer tokenizer, TorchModule latentMath, DenoisingLoss loss) {
        this.vae = vae;
        this.textEncoder = textEncoder;
        this.tokenizer = tokenizer;
        this.latentMath = latentMath;
        this.images = new ImageBatch(latentMath);
        this.loss = loss;
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
            ComputeType type,
            boolean checkpointing) {
        pipeline.require(Component.VAE, Component.TEXT_ENCODER, Component.TOKENIZER, Component.UNET);
        TorchModule unet = pipeline.load(manager, Component.UNET, type);
        return new DenoisingObjective(
                pipeline.load(manager, Component.VAE, type),
                pipeline.load(manager, Component.TEXT_ENCODER, type),
                pipeline.tokenizer(),
                TorchModule.load(manager, new LatentMath(pipeline.scalingFactor())),
                DenoisingLoss.of(manager, unet, pipeline.module(Component.UNET, type), schedule, checkpointing));
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
    public NDArray accumulate(NDManager scope, LaneBatch batch, LaneDraws draws, int lanes) {
        NDArray image = images.pixels(scope, batch); // (N, 3, H, W)
        NDArray moments = vae.call(scope, "encode", image).singletonOrThrow(); // (N, 2C, h, w)
        NDArray latents = images.sample(scope, moments, draws); // (N, C, h, w)
        NDArray states = textEncoder
                .call(scope, "forward", tokens(scope, batch.captions()))
                .singletonOrThrow(); // (N, L, D)
        NDArray noise = ImageBatch.normal(scope, draws, LaneDraws.NOISE, latents.getShape());
        int[] timesteps =
                draws.uniform(LaneDraws.TIMESTEPS, batch.size(), loss.schedule().numTrainTimesteps());
        return loss.accumulate(scope, latents, noise, timesteps, states, lanes);
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

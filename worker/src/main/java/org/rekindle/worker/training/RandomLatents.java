package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * The denoising loss on latents and text states drawn at random, whatever the batch holds: the step without data and encoders.
 *
 * @param latents shape of the latents, (batch, channels, height, width)
 * @param states shape of the text states, (batch, tokens, width)
 */
record RandomLatents(DenoisingLoss loss, Shape latents, Shape states) implements Objective {

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
        int examples = (int) latents.get(0);
        return loss.accumulate(
                scope,
                ImageBatch.normal(scope, draws, LaneDraws.LATENTS, latents),
                ImageBatch.normal(scope, draws, LaneDraws.NOISE, latents),
                draws.uniform(LaneDraws.TIMESTEPS, examples, loss.schedule().numTrainTimesteps()),
                ImageBatch.normal(scope, draws, "states", states),
                lanes);
    }

    @Override
    public void close() {
        loss.close();
    }
}

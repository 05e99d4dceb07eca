package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * The denoising loss on latents and text states drawn at random, whatever the batch holds: the step without data and encoders.
 *
 * @param latents shape of the latents, (batch, channels, height, width)
 * @param states shape of the text states, (batch, tokens, width)
 * @param stages told when the forward pass begins
 */
record RandomLatents(
        DenoisingMemory memory,
        DenoisingLoss loss,
        NoiseSource noises,
        Shape latents,
        Shape states,
        StageListener stages)
        implements Objective {

    @Override
    public Component component() {
        return Component.UNET;
    }

    @Override
    public TorchModule trained() {
        return loss.unet();
    }

    @Override
    public NDArray accumulate(NDManager scope, LaneBatch batch, Draws draws, int lanes, Consumer<String> done) {
        NDArray clean = ImageBatch.normal(scope, draws, Draws.LATENTS, latents);
        NDArray text = ImageBatch.normal(scope, draws, "states", states);
        stages.entering(Stage.FORWARD);
        return loss.accumulate(scope, clean, noises.draw(scope, draws, latents), timesteps(draws), text, lanes, done);
    }

    @Override
    public Map<String, List<String>> segments() {
        return loss.segments();
    }

    @Override
    public NDArray evaluate(NDManager scope, LaneBatch batch, Draws draws) {
        NDArray clean = ImageBatch.normal(scope, draws, Draws.LATENTS, latents);
        NDArray text = ImageBatch.normal(scope, draws, "states", states);
        NDArray noise = ImageBatch.normal(scope, draws, Draws.NOISE, latents);
        return loss.evaluate(scope, clean, noise, timesteps(draws), text);
    }

    @Override
    public void ready() {
        loss.recomputation().ready();
    }

    @Override
    public long laneMemory(int examples) {
        return memory.passes(examples).of(loss.recomputation().segments());
    }

    private int[] timesteps(Draws draws) {
        int examples = (int) latents.get(0);
        return draws.uniform(Draws.TIMESTEPS, examples, loss.schedule().numTrainTimesteps());
    }

    @Override
    public void close() {
        loss.close();
    }
}

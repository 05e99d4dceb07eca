package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.models.UNet2DConditionModel;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * Trains the UNet to denoise latents (Ho et al. 2020, Rombach et al. 2022): the autoencoder and the text encoder are frozen; the loss is
 * that of {@link DenoisingLoss}.
 */
final class DenoisingObjective implements Objective {

    private final DenoisingMemory memory;
    private final int encodeBatch;
    private final Encoders encoders;
    private final DenoisingLoss loss;
    private final NoiseSource noises;
    private final StageListener stages;

    private DenoisingObjective(
            DenoisingMemory memory,
            int encodeBatch,
            Encoders encoders,
            DenoisingLoss loss,
            NoiseSource noises,
            StageListener stages) {
        this.memory = memory;
        this.encodeBatch = encodeBatch;
        this.encoders = encoders;
        this.loss = loss;
        this.noises = noises;
        this.stages = stages;
    }

    /**
     * Loads the UNet beside the encoders.
     *
     * @param manager its device is the training's; closing it closes the modules
     * @param memory what lanes take
     * @param encodeBatch examples that the encoders take at once
     * @param encoders closed with this
     * @param schedule noise schedule of the training
     * @param recomputation which activations to recompute in the backward pass
     * @param stages told which stage a step is in
     * @throws org.rekindle.data.UserException when a component is missing or broken
     */
    static DenoisingObjective open(
            NDManager manager,
            PipelineDirectory pipeline,
            DenoisingMemory memory,
            int encodeBatch,
            Encoders encoders,
            NoiseSchedule schedule,
            ObjectiveConfig.Params params,
            ComputeType type,
            Recomputation recomputation,
            StageListener stages) {
        pipeline.require(Component.UNET);
        DenoisingLoss loss = DenoisingLoss.of(
                manager,
                pipeline.load(manager, Component.UNET, type),
                (UNet2DConditionModel) pipeline.module(Component.UNET, type),
                schedule,
                params.snrGamma(),
                recomputation);
        NoiseSource noises = NoiseSource.of(loss.math(), params);
        return new DenoisingObjective(memory, encodeBatch, encoders, loss.tellingOf(stages), noises, stages);
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
    public NDArray accumulate(NDManager scope, LaneBatch batch, Draws draws, int lanes, Consumer<String> done) {
        stages.entering(Stage.ENCODE);
        NDArray latents = encoders.latents(scope, batch, draws); // (N, C, h, w)
        NDArray states = encoders.states(scope, batch); // (N, L, D)
        stages.entering(Stage.FORWARD);
        Noise noise = noises.draw(scope, draws, latents.getShape());
        return loss.accumulate(scope, latents, noise, timesteps(batch, draws), states, lanes, done);
    }

    @Override
    public Map<String, List<String>> segments() {
        return loss.segments();
    }

    @Override
    public NDArray evaluate(NDManager scope, LaneBatch batch, Draws draws) {
        NDArray latents = encoders.latents(scope, batch, draws); // (N, C, h, w)
        NDArray noise = ImageBatch.normal(scope, draws, Draws.NOISE, latents.getShape());
        return loss.evaluate(scope, latents, noise, timesteps(batch, draws), encoders.states(scope, batch));
    }

    @Override
    public void ready() {
        loss.recomputation().ready();
    }

    @Override
    public long laneMemory(int batch) {
        return Math.max(
                memory.encoding(Math.min(batch, encodeBatch)),
                memory.passes(batch).of(loss.recomputation().segments()));
    }

    private int[] timesteps(LaneBatch batch, Draws draws) {
        return draws.uniform(Draws.TIMESTEPS, batch.size(), loss.schedule().numTrainTimesteps());
    }

    @Override
    public void close() {
        loss.close();
        encoders.close();
    }
}

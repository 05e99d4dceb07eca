package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.diffusion.NoiseSchedule.Coefficients;
import org.rekindle.worker.models.UNet2DConditionModel;
import org.rekindle.worker.torchscript.Checkpointing;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * Mean squared error between what the UNet predicts from noisy latents and what the schedule says it is to predict: noise, velocity or
 * clean latents.
 *
 * @param unet the UNet that is trained
 * @param script the UNet's definition
 * @param recomputation says which of its segments are run again
 * @param math a loaded {@link DenoisingMath}
 * @param snrGamma {@code objective.params.snr_gamma}, by which {@link NoiseSchedule#minSnrWeight} weighs each example; null for none
 * @param stages told when the backward pass begins
 */
record DenoisingLoss(
        TorchModule unet,
        UNet2DConditionModel script,
        Recomputation recomputation,
        TorchModule math,
        NoiseSchedule schedule,
        Double snrGamma,
        StageListener stages)
        implements AutoCloseable {

    static DenoisingLoss of(
            NDManager manager,
            TorchModule unet,
            UNet2DConditionModel script,
            NoiseSchedule schedule,
            Double snrGamma,
            Recomputation recomputation) {
        TorchModule math = TorchModule.load(manager, new DenoisingMath());
        return new DenoisingLoss(unet, script, recomputation, math, schedule, snrGamma, StageListener.NONE);
    }

    /** The same, told to someone. Closing one of them closes both. */
    DenoisingLoss tellingOf(StageListener listener) {
        return new DenoisingLoss(unet, script, recomputation, math, schedule, snrGamma, listener);
    }

    /** Names of parameters by segment, in the order in which a backward pass is done with them. */
    Map<String, List<String>> segments() {
        List<String> backwards = new ArrayList<>(script.segments());
        Collections.reverse(backwards);
        Map<String, List<String>> parameters = new LinkedHashMap<>();
        backwards.forEach(segment -> parameters.put(segment, new ArrayList<>()));
        unet.parameters()
                .keySet()
                .forEach(name -> parameters.get(script.segmentOf(name)).add(name));
        return parameters;
    }

    /**
     * Adds the gradients of the mean loss, divided by {@code lanes}, to those of the UNet's parameters.
     *
     * @param latents clean latents of shape (batch, channels, height, width)
     * @param timesteps one per example
     * @param states text states of shape (batch, tokens, width)
     * @param done told of each segment when the gradients of its parameters are there; null where nobody asks, and the pass may be a
     *     plain one
     * @return the mean loss, of shape ()
     */
    NDArray accumulate(
            NDManager scope,
            NDArray latents,
            Noise noise,
            int[] timesteps,
            NDArray states,
            int lanes,
            Consumer<String> done) {
        NDArray noisy = mix(scope, latents, noise.input(), timesteps, schedule::addNoise);
        NDArray target = mix(scope, latents, noise.target(), timesteps, schedule::target);
        UnaryOperator<NDArray> backward = prediction -> backward(scope, prediction, target, timesteps, lanes);
        Set<String> recomputed = recomputation.segments();
        NDArray loss = recomputed.isEmpty() && done == null
                ? plain(scope, noisy, indices(scope, timesteps), states, backward)
                : bySegments(
                        scope,
                        recomputed,
                        noisy,
                        indices(scope, timesteps),
                        states,
                        backward,
                        done == null ? segment -> {} : done);
        recomputation.passed();
        return loss;
    }

    /** Returns the mean loss, of shape (), without weights and gradients. */
    NDArray evaluate(NDManager scope, NDArray latents, NDArray noise, int[] timesteps, NDArray states) {
        NDArray noisy = mix(scope, latents, noise, timesteps, schedule::addNoise);
        NDArray target = mix(scope, latents, noise, timesteps, schedule::target);
        NDArray prediction = unet.call(scope, "forward", noisy, indices(scope, timesteps), states)
                .singletonOrThrow();
        return math.call(scope, "loss", prediction, target).singletonOrThrow();
    }

    private static NDArray indices(NDManager scope, int[] timesteps) {
        return Tensors.of(
                scope,
                new Shape(timesteps.length),
                Arrays.stream(timesteps).asLongStream().toArray());
    }

    private NDArray plain(
            NDManager scope, NDArray noisy, NDArray timestep, NDArray states, UnaryOperator<NDArray> backward) {
        return Torch.withGrad(() -> backward.apply(
                unet.call(scope, "forward", noisy, timestep, states).singletonOrThrow()));
    }

    private NDArray bySegments(
            NDManager scope,
            Set<String> recomputed,
            NDArray noisy,
            NDArray timestep,
            NDArray states,
            UnaryOperator<NDArray> backward,
            Consumer<String> done) {
        List<NDArray> inputs = List.of(noisy, timestep);
        try (Checkpointing pass = Checkpointing.forward(scope, unet, script.segments(), recomputed, inputs, states)) {
            NDArray prediction = Torch.leaf(scope, pass.output());
            NDArray loss = Torch.withGrad(() -> backward.apply(prediction));
            pass.backward(Torch.gradient(scope, prediction), done);
            return loss;
        }
    }

    private NDArray backward(NDManager scope, NDArray prediction, NDArray target, int[] timesteps, int lanes) {
        NDArray loss = snrGamma == null
                ? math.call(scope, "loss", prediction, target).singletonOrThrow()
                : math.call(scope, "weighted_loss", prediction, target, weights(scope, timesteps))
                        .singletonOrThrow();
        stages.entering(Stage.BACKWARD);
        Torch.backward(loss.div(Tensors.scalar(scope, (float) lanes)));
        return loss;
    }

    private NDArray weights(NDManager scope, int[] timesteps) {
        float[] weights = new float[timesteps.length];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) schedule.minSnrWeight(timesteps[i], snrGamma);
        }
        return Tensors.of(scope, new Shape(weights.length), weights);
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

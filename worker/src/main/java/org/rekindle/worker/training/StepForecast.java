package org.rekindle.worker.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.ToLongFunction;
import org.rekindle.coordinator.config.GradientCheckpointing;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.DatasetConfig;
import org.rekindle.worker.models.AutoencoderKL;
import org.rekindle.worker.models.Extent;
import org.rekindle.worker.models.Hardware;
import org.rekindle.worker.models.SegmentWork;
import org.rekindle.worker.models.UNet2DConditionModel;
import org.rekindle.worker.models.Work;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDraft;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * What a training step will take, told from configurations alone.
 *
 * @param memory with the run's own {@code model.gradient_checkpointing}; for {@code auto} that of a plain pass
 * @param activationsOtherwise bytes of activations if that were the other way round; empty where it cannot be
 * @param pictures bytes that the drawing of a checkpoint's pictures takes beside the training; 0 where none are drawn
 * @param disk bytes that a checkpoint adds: moments and weights, twice more with EMA; frozen components are links
 * @param heap bytes of the JVM's heap that a checkpoint takes while it is written: moments and weights, and averages with EMA
 * @param uncounted encoders that run on line and are missing from the draft
 */
public record StepForecast(
        StepFlops flops,
        StepMemory memory,
        Optional<Long> activationsOtherwise,
        long pictures,
        long disk,
        long heap,
        List<Component> uncounted) {

    /**
     * Forecasts a run's step.
     *
     * @param workers who compute
     * @param hardware what they compute on
     * @return empty where the trained component is missing from the draft
     */
    public static Optional<StepForecast> of(RunConfig config, PipelineDraft draft, int workers, Hardware hardware) {
        ScriptModule trained = draft.modules().get(trained(config));
        if (trained == null) {
            return Optional.empty();
        }
        return Optional.of(
                trained instanceof UNet2DConditionModel unet
                        ? denoising(config, draft, workers, unet, hardware)
                        : autoencoder(config, workers, (AutoencoderKL) trained, hardware));
    }

    /**
     * Forecasts one worker's step on latents and text states that are there, so that nothing is encoded; no picture is drawn.
     *
     * @param latents their height and width, and tokens of the text
     */
    static StepForecast onLatents(RunConfig config, UNet2DConditionModel unet, Extent latents) {
        return new Denoising(config, 1, unet, latents).forecast(0, 0, 0, work -> 0, List.of());
    }

    /** The component that a run trains. */
    public static Component trained(RunConfig config) {
        return config.objective().target().equals(ObjectiveConfig.AUTOENCODER) ? Component.VAE : Component.UNET;
    }

    /** The type that a run computes in. */
    public static ComputeType computeType(RunConfig config) {
        return ModelSession.computeType(config.model());
    }

    private static StepForecast denoising(
            RunConfig config, PipelineDraft draft, int workers, UNet2DConditionModel unet, Hardware hardware) {
        int side = config.dataset().params().resolution() / draft.vaeScaleFactor();
        Denoising step = new Denoising(config, workers, unet, new Extent(side, side, draft.tokens(), hardware));
        long frozenMacs = 0;
        long frozen = 0;
        List<Work> encoders = new ArrayList<>();
        List<Component> uncounted = new ArrayList<>();
        for (Component encoder : encoders(config)) {
            ScriptModule module = draft.modules().get(encoder);
            if (module == null) {
                uncounted.add(encoder);
                continue;
            }
            Work encode = module instanceof AutoencoderKL vae
                    ? vae.encodeWork(image(config, hardware))
                    : Work.of(module, Extent.ofTokens(draft.tokens(), hardware));
            frozenMacs += encode.macs();
            frozen += module.parameterCount();
            encoders.add(encode);
        }
        DenoisingMemory lane = DenoisingMemory.of(unet, step.latents(), encoders, computeType(config));
        long encoding = lane.encoding(lane.encodeBatch(config));
        return step.forecast(
                frozenMacs,
                frozen,
                encoding,
                work -> PictureMemory.ofCaptions(config, draft, work, hardware),
                uncounted);
    }

    private static ActivationMemory activations(RunConfig config) {
        return new ActivationMemory(config.system().batchSize(), computeType(config));
    }

    /** A UNet's step, apart from what its encoders take. */
    private record Denoising(RunConfig config, int workers, UNet2DConditionModel unet, Extent latents) {

        /** @param pictures what drawing takes, by the work of a forward pass */
        StepForecast forecast(
                long frozenMacs, long frozen, long encoding, ToLongFunction<Work> pictures, List<Component> uncounted) {
            List<SegmentWork> segments = unet.work(latents.oneOf(config.system().batchSize(), computeType(config)));
            Work work =
                    segments.stream().map(SegmentWork::work).reduce(Work::plus).orElseThrow();
            ActivationMemory activations = activations(config);
            boolean checkpointing = config.model().gradientCheckpointing() == GradientCheckpointing.TRUE;
            long plain = Math.max(encoding, activations.plain(work));
            long checkpointed = Math.max(encoding, activations.checkpointed(segments));
            return new StepForecast(
                    new StepFlops(work.macs(), frozenMacs, checkpointing),
                    memory(config, unet, workers, frozen, checkpointing ? checkpointed : plain),
                    Optional.of(checkpointing ? plain : checkpointed),
                    pictures.applyAsLong(work),
                    disk(config, unet),
                    heap(config, unet),
                    uncounted);
        }
    }

    private static StepForecast autoencoder(RunConfig config, int workers, AutoencoderKL vae, Hardware hardware) {
        Work work = vae.work(image(config, hardware).oneOf(config.system().batchSize(), computeType(config)));
        return new StepForecast(
                new StepFlops(work.macs(), 0, false),
                memory(config, vae, workers, 0, activations(config).plain(work)),
                Optional.empty(),
                PictureMemory.ofReconstructions(config, vae, work),
                disk(config, vae),
                heap(config, vae),
                List.of());
    }

    private static List<Component> encoders(RunConfig config) {
        return config.dataset().type().equals(DatasetConfig.LATENTS)
                ? List.of()
                : List.of(Component.VAE, Component.TEXT_ENCODER);
    }

    static Extent image(RunConfig config, Hardware hardware) {
        int side = config.dataset().params().resolution();
        return new Extent(side, side, 0, hardware);
    }

    private static StepMemory memory(
            RunConfig config, ScriptModule trained, int workers, long frozen, long activations) {
        long parameters = trained.parameterCount();
        long owned = config.distributed().shardOptimizer() ? largestShare(trained, workers) : parameters;
        return StepMemory.of(parameters, owned, frozen, config.model().useEma(), activations);
    }

    private static long largestShare(ScriptModule trained, int workers) {
        List<Long> sizes = trained.stateDict().values().stream()
                .map(parameter -> parameter.shape().size())
                .toList();
        return ParameterShards.of(sizes, 0, workers).parts(sizes).stream()
                .mapToLong(part -> part.stream().mapToLong(Long::longValue).sum())
                .max()
                .orElseThrow();
    }

    private static long disk(RunConfig config, ScriptModule trained) {
        return trained.parameterCount() * Float.BYTES * (config.model().useEma() ? 5 : 3);
    }

    /** {@link HostSnapshot}'s. */
    private static long heap(RunConfig config, ScriptModule trained) {
        return trained.parameterCount() * Float.BYTES * (config.model().useEma() ? 4 : 3);
    }
}

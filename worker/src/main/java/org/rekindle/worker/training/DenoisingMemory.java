package org.rekindle.worker.training;

import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;
import org.rekindle.coordinator.config.GradientCheckpointing;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.DatasetConfig;
import org.rekindle.worker.models.AutoencoderKL;
import org.rekindle.worker.models.Extent;
import org.rekindle.worker.models.Hardware;
import org.rekindle.worker.models.SegmentWork;
import org.rekindle.worker.models.UNet2DConditionModel;
import org.rekindle.worker.models.Work;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.Tokenizer;
import org.rekindle.worker.torchscript.ComputeType;

/**
 * What a lane of the UNet's training is predicted to take beside all that lives as long as the run, whatever its number of examples.
 *
 * @param segments names of the UNet's segments
 * @param work of each segment, by the examples of a lane
 * @param encoders forward passes of the frozen encoders that run on line
 */
record DenoisingMemory(
        List<String> segments, IntFunction<List<SegmentWork>> work, List<Work> encoders, ComputeType type) {

    /** @param latents height and width of the latents and tokens of the text */
    static DenoisingMemory of(UNet2DConditionModel unet, Extent latents, List<Work> encoders, ComputeType type) {
        return new DenoisingMemory(unet.segments(), batch -> unet.work(latents.oneOf(batch, type)), encoders, type);
    }

    /** Of a run on a pipeline with all components. */
    static DenoisingMemory of(RunConfig config, PipelineDirectory pipeline, ComputeType type, Hardware hardware) {
        int image = config.dataset().params().resolution();
        int side = image / pipeline.vaeScaleFactor();
        int tokens;
        try (Tokenizer tokenizer = pipeline.tokenizer()) {
            tokens = tokenizer.modelMaxLength();
        }
        AutoencoderKL vae = (AutoencoderKL) pipeline.module(Component.VAE, type);
        List<Work> encoders = config.dataset().type().equals(DatasetConfig.LATENTS)
                ? List.of()
                : List.of(
                        vae.encodeWork(new Extent(image, image, 0, hardware)),
                        Work.of(pipeline.module(Component.TEXT_ENCODER, type), Extent.ofTokens(tokens, hardware)));
        UNet2DConditionModel unet = (UNet2DConditionModel) pipeline.module(Component.UNET, type);
        return of(unet, new Extent(side, side, tokens, hardware), encoders, type);
    }

    /** Of forward and backward passes of so many examples. */
    SegmentMemory passes(int batch) {
        return new SegmentMemory(new ActivationMemory(batch, type), segments, work.apply(batch));
    }

    /** Of encoding so many examples at once; 0 where nothing is encoded. */
    long encoding(int batch) {
        ActivationMemory activations = new ActivationMemory(batch, type);
        return encoders.stream().mapToLong(activations::forward).max().orElse(0);
    }

    /** How many examples to encode at once: {@code system.encode_batch_size}, or as memory wants it. */
    int encodeBatch(RunConfig config) {
        Integer asked = config.system().encodeBatchSize();
        boolean recomputing = config.model().gradientCheckpointing() != GradientCheckpointing.FALSE;
        return asked == null ? encodeBatch(config.system().batchSize(), recomputing) : asked;
    }

    /**
     * How many examples to encode at once, so that encoding them takes no more than the passes do: most often the whole batch. Where all
     * depends on the machine, as for {@code auto}, the leanest passes count, so that this depends on the configuration alone.
     */
    int encodeBatch(int batch, boolean recomputing) {
        long passes = passes(batch).of(recomputing ? Set.copyOf(segments) : Set.of());
        long encoding = encoding(batch);
        return encoding <= passes ? batch : (int) Math.max(1, batch * passes / encoding);
    }
}

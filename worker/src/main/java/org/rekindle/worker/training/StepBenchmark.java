package org.rekindle.worker.training;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.ProcessUsage;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.models.Extent;
import org.rekindle.worker.models.UNet2DConditionModel;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.PipelineInit;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;

/**
 * Times the training step of the UNet alone: forward and backward on random latents and text states, clipping, AdamW and EMA as the
 * run's configuration has them, in one lane. Data, autoencoder and text encoder stay out.
 */
public final class StepBenchmark {

    private static final int WARM_UP_STEPS = 3;
    private static final int DEFAULT_TOKENS = 77;

    private StepBenchmark() {}

    /**
     * What the timed steps took.
     *
     * @param images examples of the timed steps
     * @param imagesPerSecond at the median step
     * @param cpuSeconds of all threads of the process, in the timed steps
     * @param peakRssBytes largest resident memory of the process so far; where the system does not tell, the current one
     */
    public record Result(long images, double imagesPerSecond, double cpuSeconds, long peakRssBytes) {}

    /**
     * Runs the benchmark, after {@value #WARM_UP_STEPS} steps that are not timed.
     *
     * @param pipeline made from the configuration, with at least UNet and scheduler
     * @param steps steps to time
     * @throws UserException when the configuration trains something else than the UNet
     */
    public static Result run(RunConfig config, PipelineDirectory pipeline, int steps) {
        if (!config.objective().target().equals(ObjectiveConfig.DENOISING)) {
            throw new UserException("objective.target=" + config.objective().target()
                    + ": bench step times the training of the UNet; expected " + ObjectiveConfig.DENOISING);
        }
        Torch.init(config.system().threads());
        LaneBatch lane = new LaneBatch(0, null, List.of(), List.of(), LaneCursor.START, LaneCursor.START);
        try (ModelSession session = session(config, pipeline)) {
            long[] nanos = new long[steps];
            long cpuBefore = 0;
            for (int i = -WARM_UP_STEPS; i < steps; i++) {
                if (i == 0) {
                    cpuBefore = ProcessUsage.cpuNanos();
                }
                long before = System.nanoTime();
                long step = i + WARM_UP_STEPS + 1;
                session.computeGradients(step, List.of(lane), 1);
                session.apply(step);
                if (i >= 0) {
                    nanos[i] = System.nanoTime() - before;
                }
            }
            double cpuSeconds = (ProcessUsage.cpuNanos() - cpuBefore) / 1e9;
            Arrays.sort(nanos);
            double median = (nanos[(steps - 1) / 2] + nanos[steps / 2]) / 2e9;
            int batch = config.system().batchSize();
            return new Result((long) steps * batch, batch / median, cpuSeconds, ProcessUsage.peakRssBytes());
        }
    }

    private static ModelSession session(RunConfig config, PipelineDirectory pipeline) {
        ModelConfig model = config.model();
        ComputeType type = ModelSession.computeType(model);
        NDManager manager = Torch.manager();
        try {
            NoiseSchedule schedule = NoiseSchedule.of(PipelineInit.trainingSchedule(model, pipeline));
            ObjectNode unet = pipeline.config(Component.UNET);
            int batch = config.system().batchSize();
            int side = latentSide(config, pipeline, unet);
            int tokens = pipeline.has(Component.TOKENIZER)
                    ? pipeline.config(Component.TOKENIZER)
                            .path("model_max_length")
                            .asInt(DEFAULT_TOKENS)
                    : DEFAULT_TOKENS;
            UNet2DConditionModel script = (UNet2DConditionModel) pipeline.module(Component.UNET, type);
            DenoisingMemory memory = DenoisingMemory.of(script, new Extent(side, side, tokens), List.of(), type);
            DenoisingLoss loss = DenoisingLoss.of(
                    manager,
                    pipeline.load(manager, Component.UNET, type),
                    script,
                    schedule,
                    config.objective().params().snrGamma(),
                    ModelSession.recomputation(manager, config, memory, System.out::println));
            RandomLatents objective = new RandomLatents(
                    memory,
                    loss,
                    NoiseSource.of(loss.math(), config.objective().params()),
                    new Shape(batch, integer(unet, "in_channels", 4), side, side),
                    new Shape(batch, tokens, integer(unet, "cross_attention_dim", 1280)));
            Optimizer optimizer =
                    Optimizer.of(manager, loss.unet(), config.optimizer().params(), model);
            double learningRate = config.optimizer().params().learningRate();
            return new ModelSession(
                    manager,
                    objective,
                    optimizer,
                    checkpoint -> {
                        throw new IllegalStateException("a benchmark has no checkpoint");
                    },
                    index -> learningRate,
                    config.system().seed(),
                    pipeline::root,
                    null,
                    false);
        } catch (RuntimeException e) {
            manager.close();
            throw e;
        }
    }

    private static int latentSide(RunConfig config, PipelineDirectory pipeline, ObjectNode unet) {
        return config.dataset() != null && pipeline.has(Component.VAE)
                ? config.dataset().params().resolution() / pipeline.vaeScaleFactor()
                : integer(unet, "sample_size", 0);
    }

    /** @param absent diffusers' default; 0 for none */
    private static int integer(ObjectNode unet, String key, int absent) {
        JsonNode value = unet.path(key);
        int found = value.isMissingNode() ? absent : value.isInt() ? value.asInt() : 0;
        if (found < 1) {
            throw new UserException("unet/config.json: " + key + " is "
                    + (value.isMissingNode() ? "not there" : value)
                    + "; bench step draws its inputs by it and needs a whole number");
        }
        return found;
    }
}

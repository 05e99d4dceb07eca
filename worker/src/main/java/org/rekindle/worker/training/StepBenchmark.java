package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.ProcessUsage;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.models.Extent;
import org.rekindle.worker.models.Hardware;
import org.rekindle.worker.models.UNet2DConditionModel;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.PipelineDraft;
import org.rekindle.worker.pipeline.PipelineInit;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;

/**
 * Times training steps of the UNet: forward and backward, clipping, AdamW and EMA as the run's configuration has them, in one lane of one
 * worker. First steps that run freely, for the rate; then some whose stages are timed, which makes them wait for the device.
 */
public final class StepBenchmark implements AutoCloseable {

    private static final int WARM_UP_STEPS = 3;
    private static final int STAGED_STEPS = 10;
    private static final int DEFAULT_TOKENS = 77;

    private final RunConfig config;
    private final NDManager manager = Torch.manager();
    private final StageClock clock = new StageClock(this::awaitDevice);
    private final ModelSession session;
    private final StepForecast forecast;
    private final Supplier<LaneBatch> batches;
    private long step;

    /** What is trained, where its inputs come from, and what it is said to take. */
    private record Setting(Objective objective, StepForecast forecast, Supplier<LaneBatch> batches) {}

    /** Makes a setting; what it opens belongs to the benchmark. */
    private interface Open {
        Setting open(StepBenchmark benchmark);
    }

    private StepBenchmark(RunConfig config, PipelineDirectory pipeline, Open open) {
        this.config = config;
        try {
            Setting setting = open.open(this);
            this.forecast = setting.forecast;
            this.batches = setting.batches;
            this.session = session(pipeline, setting.objective);
        } catch (RuntimeException e) {
            manager.close();
            throw e;
        }
    }

    /**
     * What the timed steps took.
     *
     * @param images examples of the timed steps
     * @param imagesPerSecond at the steps' median and percentiles of time
     * @param cpuSeconds of all threads of the process, in the timed steps
     * @param peakRssBytes largest resident memory of the process so far; where the system does not tell, the current one
     * @param stepRssBytes how far resident memory rose in the timed steps beyond what it was between two of them: the activations, where
     *     freed memory leaves the process. Null on a GPU, and where the system does not tell
     * @param gpu null on a CPU, or where nvidia-smi is not to be had
     * @param bf16 whether the steps computed in bf16
     * @param forecast what was to be expected
     * @param stages seconds of each stage that steps had, timed apart
     */
    public record Result(
            long images,
            Spread imagesPerSecond,
            double cpuSeconds,
            long peakRssBytes,
            Long stepRssBytes,
            Gpu gpu,
            boolean bf16,
            StepForecast forecast,
            Map<Stage, Spread> stages) {

        /** 1e12 operations per second, recomputed ones and frozen encoders' included. */
        public double teraflops() {
            return forecast.flops().perExample() * imagesPerSecond.median() / 1e12;
        }

        /** Peak of the device in 1e12 operations per second; empty where it is not known, as for any CPU. */
        public Optional<Double> peakTeraflops() {
            return Optional.ofNullable(gpu).flatMap(known -> known.peakTeraflops(bf16));
        }
    }

    /**
     * Opens the UNet alone; it trains on random latents and text states.
     *
     * @param pipeline made from the configuration, with at least UNet and scheduler
     * @throws UserException when the configuration trains something else than the UNet
     */
    public static StepBenchmark onLatents(RunConfig config, PipelineDirectory pipeline) {
        prepare(config);
        return new StepBenchmark(config, pipeline, benchmark -> benchmark.latents(pipeline));
    }

    /**
     * Opens the whole objective, with its encoders, or without them where the data set holds latents.
     *
     * @param pipeline made from the configuration
     * @param batches of the run's data set; asked for one each step
     * @throws UserException when the configuration trains something else than the UNet
     */
    public static StepBenchmark onData(RunConfig config, PipelineDirectory pipeline, Supplier<LaneBatch> batches) {
        prepare(config);
        return new StepBenchmark(config, pipeline, benchmark -> benchmark.data(pipeline, batches));
    }

    private static void prepare(RunConfig config) {
        if (!config.objective().target().equals(ObjectiveConfig.DENOISING)) {
            throw new UserException("objective.target=" + config.objective().target()
                    + ": bench step times the training of the UNet; expected " + ObjectiveConfig.DENOISING);
        }
        Torch.init(config.system().threads());
    }

    /**
     * Runs the benchmark, after {@value #WARM_UP_STEPS} steps that are not timed.
     *
     * @param steps steps to time
     */
    public Result run(int steps) {
        for (int i = 0; i < WARM_UP_STEPS; i++) {
            takeStep();
        }
        long peak = ProcessUsage.peakRssBytes();
        boolean restarted = ProcessUsage.restartPeakRss();
        long atRest = ProcessUsage.rssBytes();
        long cpuBefore = ProcessUsage.cpuNanos();
        double[] seconds = new double[steps];
        for (int i = 0; i < steps; i++) {
            long before = System.nanoTime();
            takeStep();
            seconds[i] = (System.nanoTime() - before) / 1e9;
        }
        double cpuSeconds = (ProcessUsage.cpuNanos() - cpuBefore) / 1e9;
        long timedPeak = ProcessUsage.peakRssBytes();
        int batch = config.system().batchSize();
        Spread step = Spread.of(seconds);
        return new Result(
                (long) steps * batch,
                new Spread(batch / step.p90(), batch / step.median(), batch / step.p10()),
                cpuSeconds,
                Math.max(peak, timedPeak),
                restarted && hardware() == Hardware.CPU ? timedPeak - atRest : null,
                hardware() == Hardware.GPU ? Gpu.first().orElse(null) : null,
                type() == ComputeType.BF16,
                forecast,
                stages(Math.min(steps, STAGED_STEPS)));
    }

    private Map<Stage, Spread> stages(int steps) {
        List<Map<Stage, Long>> taken = new ArrayList<>();
        for (int i = 0; i < steps; i++) {
            clock.start();
            takeStep();
            taken.add(clock.stop());
        }
        Map<Stage, Spread> spreads = new EnumMap<>(Stage.class);
        for (Stage stage : taken.get(0).keySet()) {
            spreads.put(
                    stage,
                    Spread.of(taken.stream()
                            .mapToDouble(nanos -> nanos.get(stage) / 1e9)
                            .toArray()));
        }
        return spreads;
    }

    private void takeStep() {
        step++;
        session.computeGradients(step, List.of(batches.get()), 1);
        session.apply(step);
    }

    /** A value cannot be read before all that the device was given is done. */
    private void awaitDevice() {
        try (NDArray probe = manager.zeros(new Shape(1))) {
            probe.toFloatArray();
        }
    }

    private Hardware hardware() {
        return manager.getDevice().isGpu() ? Hardware.GPU : Hardware.CPU;
    }

    private ComputeType type() {
        return ModelSession.computeType(config.model());
    }

    private Setting data(PipelineDirectory pipeline, Supplier<LaneBatch> feed) {
        PipelineDraft draft =
                PipelineDraft.of(config.model(), config.dataset(), type(), EnumSet.noneOf(Component.class));
        return new Setting(
                ModelSession.objective(manager, config, pipeline, System.out::println, clock),
                StepForecast.of(config, draft, 1, hardware()).orElseThrow(),
                feed);
    }

    private Setting latents(PipelineDirectory pipeline) {
        ModelConfig model = config.model();
        NoiseSchedule schedule = NoiseSchedule.of(PipelineInit.trainingSchedule(model, pipeline));
        UNet2DConditionModel script = (UNet2DConditionModel) pipeline.module(Component.UNET, type());
        ObjectNode unet = pipeline.config(Component.UNET);
        int batch = config.system().batchSize();
        int side = latentSide(pipeline, unet);
        int tokens = pipeline.has(Component.TOKENIZER)
                ? pipeline.config(Component.TOKENIZER).path("model_max_length").asInt(DEFAULT_TOKENS)
                : DEFAULT_TOKENS;
        Extent latents = new Extent(side, side, tokens, hardware());
        DenoisingMemory memory = DenoisingMemory.of(script, latents, List.of(), type());
        DenoisingLoss loss = DenoisingLoss.of(
                        manager,
                        pipeline.load(manager, Component.UNET, type()),
                        script,
                        schedule,
                        config.objective().params().snrGamma(),
                        ModelSession.recomputation(manager, config, memory, System.out::println))
                .tellingOf(clock);
        RandomLatents objective = new RandomLatents(
                memory,
                loss,
                NoiseSource.of(loss.math(), config.objective().params()),
                new Shape(batch, integer(unet, "in_channels", 4), side, side),
                new Shape(batch, tokens, integer(unet, "cross_attention_dim", 1280)),
                clock);
        LaneBatch lane = new LaneBatch(0, null, List.of(), List.of(), LaneCursor.START, LaneCursor.START);
        return new Setting(objective, StepForecast.onLatents(config, script, latents), () -> lane);
    }

    private ModelSession session(PipelineDirectory pipeline, Objective objective) {
        Optimizer optimizer =
                Optimizer.of(manager, objective.trained(), config.optimizer().params(), config.model());
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
                config.distributed(),
                clock);
    }

    private int latentSide(PipelineDirectory pipeline, ObjectNode unet) {
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

    @Override
    public void close() {
        session.close();
    }
}

package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.config.DistributedConfig;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.collectives.Collective;
import org.rekindle.worker.collectives.CollectiveAbortedException;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.models.Extent;
import org.rekindle.worker.models.Hardware;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.PipelineInit;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.Torch;

/**
 * The training of one component on one device: an {@link Objective}, an {@link Optimizer} and the files of a checkpoint.
 *
 * <p>Belongs to the thread that opened it. What lives as long as the run (weights, gradients, moments, averages) is in the session's
 * manager; what a lane makes is in a scope that closes with the lane, what a step makes in one that closes with the step.
 */
public final class ModelSession implements TrainingSession {

    private final NDManager manager;
    private final Objective objective;
    private final Optimizer optimizer;
    private final Consumer<Checkpoint> state; // restores all but the weights of a pipeline
    private final LrSchedule learningRate;
    private final long seed;
    private final Supplier<Path> frozen;
    private final Validation validation;
    private final boolean shares; // each rank owns a part of the optimizer's state
    private final int bucketBytes;
    private final Map<String, List<ByteBuffer>> bySegment; // gradients; null where they are summed when all are there
    private final long available; // bytes that were there for the lanes
    private final StageListener stages;

    /** Owns {@link #measured} between gradients and update; null in between. */
    private NDManager step;

    private NDArray measured;
    private Collective collective;
    private BooleanSupplier isOver = () -> false;
    private double reduceSeconds;

    ModelSession(
            NDManager manager,
            Objective objective,
            Optimizer optimizer,
            Consumer<Checkpoint> state,
            LrSchedule learningRate,
            long seed,
            Supplier<Path> frozen,
            Validation validation,
            DistributedConfig distributed,
            StageListener stages) {
        this.manager = manager;
        this.objective = objective;
        this.optimizer = optimizer;
        this.state = state;
        this.learningRate = learningRate;
        this.seed = seed;
        this.frozen = frozen;
        this.validation = validation;
        this.shares = distributed.shardOptimizer();
        this.bucketBytes = distributed.bucketBytes();
        this.bySegment = gradientsBySegment();
        this.stages = stages;
        this.available = DeviceMemory.of(manager.getDevice(), System.getenv()).available();
        objective.ready();
    }

    /**
     * Loads models and state of a checkpoint onto the first GPU, or the CPU where there is none. Every run has one: the initial pipeline
     * is the checkpoint of step 0.
     *
     * @param told gets lines about what is chosen for the device
     * @throws UserException when the checkpoint lacks something, its models do not fit the configuration, or memory does not suffice
     */
    public static ModelSession open(RunConfig config, Checkpoint start, Consumer<String> told) {
        Torch.init(config.system().threads());
        PipelineDirectory pipeline = PipelineDirectory.open(start.pipeline());
        NDManager manager = Torch.manager();
        long available = DeviceMemory.of(manager.getDevice(), System.getenv()).available();
        return OutOfMemory.told(
                () -> open(config, start, manager, pipeline, told),
                () -> OutOfMemory.ofLoading(memory(config, pipeline), available));
    }

    private static StepMemory memory(RunConfig config, PipelineDirectory pipeline) {
        ComputeType type = computeType(config.model());
        Component trained = StepForecast.trained(config);
        long parameters = pipeline.module(trained, type).parameterCount();
        boolean encodes = trained == Component.UNET && !config.dataset().type().equals(DatasetConfig.LATENTS);
        long frozen = Stream.of(Component.VAE, Component.TEXT_ENCODER)
                .filter(component -> encodes)
                .mapToLong(component -> pipeline.module(component, type).parameterCount())
                .sum();
        return StepMemory.of(parameters, parameters, frozen, config.model().useEma(), 0);
    }

    private static ModelSession open(
            RunConfig config, Checkpoint start, NDManager manager, PipelineDirectory pipeline, Consumer<String> told) {
        try {
            Objective objective = objective(manager, config, pipeline, told, StageListener.NONE);
            Optimizer optimizer = Optimizer.of(
                    manager, objective.trained(), config.optimizer().params(), config.model());
            Consumer<Checkpoint> state = checkpoint -> restore(config, checkpoint, objective.component(), optimizer);
            state.accept(start);
            Path current = config.experiment().folder().resolve("current_pipeline");
            // The checkpoint that the run started from may be gone by the time of the next one.
            Supplier<Path> frozen = () -> Files.isDirectory(start.pipeline()) ? start.pipeline() : current;
            LrSchedule learningRate = LrSchedule.of(config, start.state().lanes());
            Validation validation = Validation.of(config);
            return new ModelSession(
                    manager,
                    objective,
                    optimizer,
                    state,
                    learningRate,
                    config.system().seed(),
                    frozen,
                    validation,
                    config.distributed(),
                    StageListener.NONE);
        } catch (RuntimeException e) {
            manager.close();
            throw e;
        }
    }

    private static void restore(RunConfig config, Checkpoint from, Component component, Optimizer optimizer) {
        long updates = HostSnapshot.updates(from.state().session());
        SessionFiles.restore(from.folder(), component, optimizer, updates);
        String averages = config.model().ema().path();
        if (from.step() == 0 && config.model().useEma() && averages != null) {
            SessionFiles.loadAverages(Path.of(averages), component, optimizer);
        }
    }

    /**
     * @param told gets lines about what is chosen for the device
     * @param stages told which stage a step of denoising is in
     */
    static Objective objective(
            NDManager manager,
            RunConfig config,
            PipelineDirectory pipeline,
            Consumer<String> told,
            StageListener stages) {
        ComputeType type = computeType(config.model());
        if (config.objective().target().equals(ObjectiveConfig.AUTOENCODER)) {
            return AutoencoderObjective.open(
                    manager,
                    pipeline,
                    image(config, manager),
                    config.objective().params(),
                    type);
        }
        NoiseSchedule schedule = NoiseSchedule.of(PipelineInit.trainingSchedule(config.model(), pipeline));
        schedule.requireTargets();
        pipeline.require(Component.VAE, Component.TEXT_ENCODER, Component.TOKENIZER, Component.UNET);
        DenoisingMemory memory = DenoisingMemory.of(config, pipeline, type, hardware(manager));
        int encodeBatch = memory.encodeBatch(config);
        Encoders encoders = config.dataset().type().equals(DatasetConfig.LATENTS)
                ? PrecomputedEncoders.open(manager, pipeline, dataSets(config), type)
                : OnlineEncoders.open(manager, pipeline, type, encodeBatch);
        return DenoisingObjective.open(
                manager,
                pipeline,
                memory,
                encodeBatch,
                encoders,
                schedule,
                config.objective().params(),
                type,
                recomputation(manager, config, memory, told),
                stages);
    }

    private static Extent image(RunConfig config, NDManager manager) {
        int side = config.dataset().params().resolution();
        return new Extent(side, side, 0, hardware(manager));
    }

    private static Hardware hardware(NDManager manager) {
        return manager.getDevice().isGpu() ? Hardware.GPU : Hardware.CPU;
    }

    static Recomputation recomputation(
            NDManager manager, RunConfig config, DenoisingMemory memory, Consumer<String> told) {
        return switch (config.model().gradientCheckpointing()) {
            case FALSE -> Recomputation.always(Set.of());
            case TRUE -> Recomputation.always(Set.copyOf(memory.segments()));
            case AUTO ->
                new FittingRecomputation(
                        memory.passes(config.system().batchSize()),
                        DeviceMemory.of(manager.getDevice(), System.getenv()),
                        told);
        };
    }

    /** The training's data set, and that of the validation. */
    private static List<DataSet> dataSets(RunConfig config) {
        List<DataSet> dataSets = new ArrayList<>(List.of(DataSet.open(config.dataset())));
        if (config.validation().isOn()) {
            dataSets.add(DataSet.open(
                    config.dataset(), "validation.path", config.validation().path()));
        }
        return dataSets;
    }

    static ComputeType computeType(ModelConfig model) {
        return model.mixedPrecision().equals(ModelConfig.BF16) ? ComputeType.BF16 : ComputeType.FP32;
    }

    @Override
    public StepResult computeGradients(long step, List<LaneBatch> batches, int lanes) {
        endStep();
        this.step = manager.newSubManager();
        List<NDArray> losses = new ArrayList<>();
        try (OverlappedSum sum = overlappedSum()) {
            for (LaneBatch batch : batches) {
                boolean last = losses.size() == batches.size() - 1; // nothing is added to its gradients any more
                losses.add(accumulate(step, batch, lanes, last && sum != null ? sum::done : null));
            }
            reduce(sum);
        }
        stages.entering(Stage.OPTIMIZER);
        measured = optimizer.measure(this.step, losses);
        double[] values = measured.toDoubleArray(); // the only time in a step that the host waits for the device
        if (isShared()) {
            long start = System.nanoTime();
            values[1] = normOverRanks(values[1]);
            reduceSeconds += (System.nanoTime() - start) / 1e9;
            measured = Tensors.of(this.step, new Shape(2), values);
        }
        boolean finite = Double.isFinite(values[0]) && Double.isFinite(values[1]);
        return new StepResult(values[0], values[1], finite);
    }

    private NDArray accumulate(long step, LaneBatch batch, int lanes, Consumer<String> done) {
        if (isOver.getAsBoolean()) {
            throw new CollectiveAbortedException(
                    collective == null ? 0 : collective.rank(),
                    "step " + step + " is over before lane " + batch.lane());
        }
        try (NDManager scope = this.step.newSubManager()) {
            LaneDraws draws = new LaneDraws(seed, step, batch.lane());
            NDArray loss = OutOfMemory.told(
                            () -> objective.accumulate(scope, batch, draws, lanes, done),
                            () -> OutOfMemory.ofLane(batch.size(), objective::laneMemory, available))
                    .stopGradient();
            loss.attach(this.step);
            return loss;
        }
    }

    /**
     * The gradients by the segment that they come from, to be summed while the backward pass goes on; null where that gains nothing: what fits
     * in one bucket would go when the pass is over anyway, and on a GPU the sums would need a stream of their own.
     */
    private Map<String, List<ByteBuffer>> gradientsBySegment() {
        Map<String, List<String>> names = objective.segments();
        if (shares || names.isEmpty() || manager.getDevice().isGpu()) {
            return null;
        }
        List<ByteBuffer> memory = optimizer.gradientMemory();
        if (memory.stream().mapToLong(ByteBuffer::remaining).sum() <= bucketBytes) {
            return null;
        }
        List<String> order = List.copyOf(optimizer.parameters().keySet());
        Map<String, List<ByteBuffer>> gradients = new LinkedHashMap<>();
        names.forEach((segment, of) -> gradients.put(
                segment,
                of.stream().map(name -> memory.get(order.indexOf(name))).toList()));
        return gradients;
    }

    private OverlappedSum overlappedSum() {
        return bySegment == null || collective == null ? null : new OverlappedSum(collective, bySegment, bucketBytes);
    }

    /** @param sum null where all gradients are summed here and now */
    private void reduce(OverlappedSum sum) {
        reduceSeconds = 0;
        if (collective == null) {
            return;
        }
        stages.entering(Stage.ALL_REDUCE);
        long start = System.nanoTime();
        if (isShared()) {
            collective.reduceScatter(optimizer.shards().parts(optimizer.gradientMemory()));
        } else if (sum != null) {
            sum.await();
        } else {
            collective.allReduceSum(optimizer.gradientMemory());
        }
        reduceSeconds = (System.nanoTime() - start) / 1e9;
    }

    @Override
    public double reduceSeconds() {
        return reduceSeconds;
    }

    private boolean isShared() {
        return shares && collective != null;
    }

    /** The norm of all gradients from those of the ranks' parts; the same on all ranks. */
    private double normOverRanks(double own) {
        return Math.sqrt(DoubleStream.of(collective.gather(own))
                .map(norm -> Math.pow(norm, 2))
                .sum());
    }

    private void gatherWeights() {
        collective.allGather(optimizer.shards().parts(optimizer.weightMemory()));
    }

    @Override
    public void endWhere(BooleanSupplier over) {
        isOver = over;
    }

    @Override
    public void reduceOver(Collective with) {
        collective = with;
        if (shares) {
            optimizer.share(with == null ? 0 : with.rank(), with == null ? 1 : with.worldSize());
        }
        if (isShared()) {
            gatherWeights(); // where the ring broke in the last gathering
        }
    }

    @Override
    public void transfer(Collective from, int source, boolean takes) {
        StateTransfer.run(from, source, takes, optimizer);
    }

    @Override
    public void restore(Checkpoint checkpoint) {
        discard();
        SessionFiles.loadWeights(checkpoint, objective.component(), optimizer);
        optimizer.zeroMoments();
        state.accept(checkpoint);
    }

    @Override
    public void apply(long step) {
        if (measured == null) {
            throw new IllegalStateException("step " + step + " has no gradients");
        }
        optimizer.update(measured, learningRate.at(step - 1));
        stages.entering(Stage.EMA);
        optimizer.average();
        stages.entering(Stage.OPTIMIZER);
        if (isShared()) {
            gatherWeights();
        }
        discard();
    }

    @Override
    public void discard() {
        optimizer.zeroGradients();
        endStep();
    }

    private void endStep() {
        if (step != null) {
            step.close();
        }
        step = null;
        measured = null;
    }

    @Override
    public OptionalDouble validationLoss(long step) {
        return validation == null || !validation.isDue(step)
                ? OptionalDouble.empty()
                : OptionalDouble.of(validation.loss(manager, objective));
    }

    @Override
    public Snapshot snapshot() {
        return isShared()
                ? HostSnapshot.gathered(optimizer, collective, objective.component(), frozen)
                : HostSnapshot.of(optimizer, objective.component(), frozen);
    }

    @Override
    public void contribute() {
        if (isShared()) {
            HostSnapshot.contribute(optimizer, collective);
        }
    }

    @Override
    public void close() {
        endStep();
        optimizer.close();
        objective.close();
        manager.close();
    }
}

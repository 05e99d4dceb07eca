package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.models.Hardware;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.Weights.HostTensor;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;

/** Whichever segments are run again, four fp32 steps are plain ones to the bit: gradients, weights, moments and averages. */
class RecomputedStepsTest {

    private static final int STEPS = 4;

    @TempDir
    private Path folder;

    private RunConfig config;
    private PipelineDirectory pipeline;
    private DenoisingMemory memory;
    private Map<String, float[]> plain;

    @BeforeEach
    void takePlainSteps() {
        Torch.init(1);
        TinyRun run = TinyRun.denoising(folder);
        config = run.config();
        pipeline = PipelineDirectory.open(run.fresh().pipeline());
        memory = DenoisingMemory.of(config, pipeline, ComputeType.FP32, Hardware.CPU);
        plain = steps(Recomputation.always(Set.of()));
    }

    @Test
    void allSegmentsRunAgain() {
        assertPlain(steps(Recomputation.always(Set.copyOf(memory.segments()))));
    }

    @Test
    void theFewestSegmentsThatFit() {
        SegmentMemory passes = memory.passes(TinyRun.BATCH);
        DeviceMemory device = sharply(passes.of(Set.of()));
        FittingRecomputation fitting = new FittingRecomputation(passes, device, line -> {});

        Map<String, float[]> steps = steps(fitting);

        assertThat(fitting.segments())
                .isNotEmpty()
                .hasSizeLessThan(memory.segments().size());
        assertPlain(steps);
    }

    /** A device that has as much as a plain pass takes, and nothing to spare. */
    private static DeviceMemory sharply(long bytes) {
        return new DeviceMemory() {
            @Override
            public long available() {
                return bytes;
            }

            @Override
            public LongSupplier growth() {
                return () -> 0;
            }
        };
    }

    private void assertPlain(Map<String, float[]> steps) {
        assertThat(steps).hasSameSizeAs(plain);
        assertThat(steps)
                .allSatisfy((name, values) -> assertThat(values).as(name).containsExactly(plain.get(name)));
    }

    /** The gradients of each step before clipping, and the state after the last one, by names that say what they are. */
    private Map<String, float[]> steps(Recomputation recomputation) {
        NDManager manager = Torch.manager();
        OnlineEncoders encoders = OnlineEncoders.open(manager, pipeline, ComputeType.FP32, TinyRun.BATCH);
        DenoisingObjective objective = DenoisingObjective.open(
                manager,
                pipeline,
                memory,
                TinyRun.BATCH,
                encoders,
                NoiseSchedule.of(pipeline.config(Component.SCHEDULER)),
                new ObjectiveConfig.Params(null, null, null, null, null),
                ComputeType.FP32,
                recomputation,
                StageListener.NONE);
        Optimizer optimizer =
                Optimizer.of(manager, objective.trained(), config.optimizer().params(), config.model());
        Map<String, float[]> taken = new LinkedHashMap<>();
        try (ModelSession session = new ModelSession(
                manager,
                objective,
                optimizer,
                from -> {},
                index -> 1e-3,
                5,
                () -> null,
                null,
                config.distributed(),
                StageListener.NONE)) {
            for (int step = 1; step <= STEPS; step++) {
                session.computeGradients(step, List.of(TinyRun.batch(step, 0)), 1);
                putGradients("gradient of step " + step + ", ", objective, taken);
                session.apply(step);
            }
            HostSnapshot state = (HostSnapshot) session.snapshot();
            put("weight ", state.weights(), taken);
            put("moment ", state.expAvg(), taken);
            put("second moment ", state.expAvgSq(), taken);
            put("average ", state.ema(), taken);
        }
        return taken;
    }

    private static void putGradients(String prefix, Objective objective, Map<String, float[]> into) {
        try (NDManager scope = Torch.manager()) {
            objective
                    .trained()
                    .parameters()
                    .forEach((name, parameter) -> into.put(
                            prefix + name, Torch.gradient(scope, parameter).toFloatArray()));
        }
    }

    private static void put(String prefix, Map<String, HostTensor> tensors, Map<String, float[]> into) {
        tensors.forEach((name, tensor) -> into.put(prefix + name, tensor.values()));
    }
}

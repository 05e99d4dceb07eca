package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.rekindle.coordinator.config.DistributedConfig;
import org.rekindle.coordinator.config.OptimizerConfig;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.torchscript.Initialization;
import org.rekindle.worker.torchscript.ParameterSpec;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/** Steps of a model of two weights, whose loss the test chooses. */
class OptimizerTest {

    private static final LaneBatch LANE =
            new LaneBatch(0, null, List.of(), List.of(), LaneCursor.START, LaneCursor.START);

    /** The loss is 3 w0 + 4 w1, times a factor. */
    private record Plane() implements ScriptModule {
        @Override
        public Map<String, ParameterSpec> parameters() {
            return Map.of("weight", ParameterSpec.of(Initialization.zeros(), 2));
        }

        @Override
        public String methods() {
            return """
                def forward(self, factor: Tensor) -> Tensor:
                  return factor * (3.0 * self.weight[0] + 4.0 * self.weight[1])
                """;
        }
    }

    private static final class PlaneObjective implements Objective {
        private final TorchModule module;
        private float factor = 1;

        PlaneObjective(NDManager manager) {
            module = TorchModule.load(manager, new Plane());
            Torch.copy(FloatBuffer.wrap(new float[] {1, 1}), module.parameters().get("weight"));
        }

        @Override
        public Component component() {
            return Component.UNET;
        }

        @Override
        public TorchModule trained() {
            return module;
        }

        @Override
        public NDArray accumulate(NDManager scope, LaneBatch batch, Draws draws, int lanes, Consumer<String> done) {
            return Torch.withGrad(() -> {
                NDArray loss =
                        module.call(scope, "forward", scope.create(factor)).singletonOrThrow();
                Torch.backward(loss.div(lanes));
                return loss;
            });
        }

        @Override
        public NDArray evaluate(NDManager scope, LaneBatch batch, Draws draws) {
            return module.call(scope, "forward", scope.create(factor)).singletonOrThrow();
        }

        @Override
        public long laneMemory(int batch) {
            return batch;
        }

        @Override
        public void close() {
            module.close();
        }
    }

    private final NDManager manager = Torch.manager();
    private final PlaneObjective plane = new PlaneObjective(manager);

    private ModelSession session(Double maxGradNorm) {
        OptimizerConfig.Params sgdLike = new OptimizerConfig.Params(0.1, 0.9, 0.999, 0.0, 1e-8);
        Optimizer optimizer =
                Optimizer.of(manager, plane.module, sgdLike, TrainingGoldens.modelConfig(false, maxGradNorm));
        return new ModelSession(
                manager,
                plane,
                optimizer,
                from -> {},
                index -> 0.1,
                0,
                () -> null,
                null,
                new DistributedConfig(null, null, null, null, null, null),
                StageListener.NONE);
    }

    private float[] weights() {
        return plane.module.parameters().get("weight").toFloatArray();
    }

    @Test
    void aLossThatIsNoNumberIsFlaggedAndDiscardingItSavesTheWeights() {
        try (ModelSession session = session(1.0)) {
            plane.factor = Float.NaN;
            assertThat(session.computeGradients(1, List.of(LANE), 1).finite()).isFalse();
            session.discard();
            assertThat(weights()).containsExactly(1, 1);

            plane.factor = 1;
            assertThat(session.computeGradients(2, List.of(LANE), 1).finite()).isTrue();
            session.apply(2);
            assertThat(weights()).containsExactly(new float[] {0.9f, 0.9f}, within(1e-6f));
        }
    }

    @Test
    void gradientsThatOverflowAreFlagged() {
        try (ModelSession session = session(null)) {
            plane.factor = Float.MAX_VALUE;
            assertThat(session.computeGradients(1, List.of(LANE), 1).finite()).isFalse();
        }
    }

    @Test
    void theNormIsThatBeforeClippingAndTheMomentsSeeTheClippedGradient() {
        try (ModelSession session = session(1.0)) {
            assertThat(session.computeGradients(1, List.of(LANE), 1).gradientNorm())
                    .isCloseTo(5, within(1e-6));
            session.apply(1);

            HostSnapshot snapshot = (HostSnapshot) session.snapshot();
            assertThat(snapshot.expAvg().get("weight").values())
                    .containsExactly(new float[] {0.06f, 0.08f}, within(1e-6f));
        }
    }

    @Test
    void gradientsBelowTheBoundAreNotScaled() {
        try (ModelSession session = session(6.0)) {
            session.computeGradients(1, List.of(LANE), 1);
            session.apply(1);

            HostSnapshot snapshot = (HostSnapshot) session.snapshot();
            assertThat(snapshot.expAvg().get("weight").values())
                    .containsExactly(new float[] {0.3f, 0.4f}, within(1e-6f));
        }
    }

    @Test
    void stepsLeaveNoArrayBehind() {
        try (ModelSession session = session(1.0)) {
            int before = manager.getManagedArrays().size();
            for (int step = 1; step <= 5; step++) {
                session.computeGradients(step, List.of(LANE, LANE), 2);
                session.apply(step);
            }
            assertThat(manager.getManagedArrays()).hasSize(before);
        }
    }
}

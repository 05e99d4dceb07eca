package org.rekindle.worker.torchscript;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TorchModuleTest {

    record Dense(int in, int out) implements ScriptModule {
        @Override
        public Map<String, ParameterSpec> parameters() {
            Map<String, ParameterSpec> specs = new LinkedHashMap<>();
            specs.put("weight", ParameterSpec.of(Initialization.fanIn(in), out, in));
            specs.put("bias", ParameterSpec.of(Initialization.fanIn(in), out));
            return specs;
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor) -> Tensor:
                  return torch.linear(x, self.weight.to(x.dtype), self.bias.to(x.dtype))
                """;
        }
    }

    record TwoLayers() implements ScriptModule {
        @Override
        public Children children() {
            return Children.of("layers", ModuleList.of(new Dense(3, 4), new Dense(4, 2)));
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor) -> Tensor:
                  return getattr(self.layers, "1").forward(torch.relu(getattr(self.layers, "0").forward(x)))
                def half(self, x: Tensor) -> Tensor:
                  return self.forward(x.to(15))
                def full(self, x: Tensor) -> Tensor:
                  return x.to(6)
                def loss(self, x: Tensor) -> Tensor:
                  return torch.mean(self.forward(x))
                def sums(self, x: List[Tensor], y: Tensor) -> List[Tensor]:
                  return [x[0] + y, x[1] + y]
                """;
        }
    }

    private NDManager manager;
    private TorchModule module;

    @BeforeEach
    void load() {
        Torch.init(1);
        manager = Torch.manager();
        module = TorchModule.load(manager, new TwoLayers());
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void parametersHaveStateDictNamesAndShapesAndStartAtZero() {
        assertThat(module.parameters().keySet())
                .containsExactly("layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias");
        assertThat(module.parameters().get("layers.0.weight").getShape()).isEqualTo(new Shape(4, 3));
        assertThat(module.parameters().get("layers.0.weight").toFloatArray()).containsOnly(0f);
    }

    @Test
    void parametersDoNotShareMemory() {
        fill(1, 2, 3, 4);
        assertThat(module.parameters().get("layers.0.weight").toFloatArray()).containsOnly(1f);
        assertThat(module.parameters().get("layers.1.bias").toFloatArray()).containsOnly(4f);
    }

    @Test
    void forwardAndBackwardAgreeWithTheFormula() {
        fill(1, 2, 3, 4);
        module.setTrainable(true);
        NDArray x = manager.create(new float[] {1, 2, 3}, new Shape(1, 3));
        NDArray loss = Torch.withGrad(() -> module.call(manager, "loss", x)).singletonOrThrow();
        assertThat(loss.getFloat()).isEqualTo(4 * (6 + 2) * 3 + 4); // hidden 8, output 4 * 8 * 3 + 4
        Torch.backward(loss);
        // d loss / d weight1 = hidden / 2, d loss / d weight0 = 2 outputs * 3 / 2 * x
        assertThat(gradient("layers.1.weight")).containsOnly(4f);
        assertThat(gradient("layers.0.weight")).startsWith(3f, 6f, 9f);
        assertThat(gradient("layers.1.bias")).containsOnly(0.5f);
    }

    @Test
    void gradientsAddUpUntilTheyAreZeroed() {
        fill(1, 1, 1, 1);
        module.setTrainable(true);
        NDArray x = manager.ones(new Shape(1, 3));
        for (int i = 0; i < 2; i++) {
            Torch.backward(Torch.withGrad(() -> module.call(manager, "loss", x)).singletonOrThrow());
        }
        NDArray live = Torch.gradient(manager, module.parameters().get("layers.1.bias"));
        assertThat(live.toFloatArray()).containsOnly(1f);
        Torch.zeroGradients(List.of(live));
        assertThat(gradient("layers.1.bias")).containsOnly(0f);
    }

    @Test
    void bfloat16TravelsBetweenCalls() {
        fill(1, 2, 3, 4);
        NDArray x = manager.ones(new Shape(1, 3));
        NDArray half = module.call(manager, "half", x).singletonOrThrow();
        assertThat(half.getShape()).isEqualTo(new Shape(1, 2));
        float full = module.call(manager, "full", half).singletonOrThrow().toFloatArray()[0];
        assertThat(full).isCloseTo(64f, within(0.5f));
    }

    @Test
    void backwardOfSeveralOutputsUsesTheGivenGradients() {
        NDArray a = Torch.leaf(manager, manager.zeros(new Shape(2)));
        NDArray b = Torch.leaf(manager, manager.zeros(new Shape(2)));
        NDArray y = Torch.leaf(manager, manager.zeros(new Shape(2)));
        NDList sums = Torch.withGrad(() -> module.call(manager, "sums", List.of(a, b), y));
        Torch.backward(sums, List.of(manager.create(new float[] {1, 2}), manager.create(new float[] {3, 4})));
        assertThat(Torch.gradient(manager, a).toFloatArray()).containsExactly(1, 2);
        assertThat(Torch.gradient(manager, b).toFloatArray()).containsExactly(3, 4);
        assertThat(Torch.gradient(manager, y).toFloatArray()).containsExactly(4, 6);
    }

    @Test
    void argumentsHaveNoNameAfterwards() {
        NDArray a = manager.zeros(new Shape(2));
        module.call(manager, "sums", List.of(a, a), manager.ones(new Shape(2)));
        assertThat(a.getName()).isNull();
    }

    @Test
    void arrayBothAloneAndInAListIsRefused() {
        NDArray a = manager.zeros(new Shape(2));
        assertThatThrownBy(() -> module.call(manager, "sums", List.of(a, a), a))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(a.getName()).isNull();
    }

    @Test
    void parametersCanBeArguments() {
        NDArray bias = module.parameters().get("layers.1.bias");
        NDList sums = module.call(manager, "sums", List.of(bias, bias), manager.ones(new Shape(2)));
        assertThat(sums.get(0).toFloatArray()).containsOnly(1f);
    }

    @Test
    void gradientModeIsRestored() {
        Torch.withGrad(
                () -> Torch.noGrad(() -> assertThat(JniUtils.isGradMode()).isFalse()));
        assertThat(JniUtils.isGradMode()).isFalse();
    }

    @Test
    void memoryStaysFlatOverManySteps() throws Exception {
        module.setTrainable(true);
        step(20);
        long before = residentBytes();
        step(60);
        assertThat(residentBytes() - before).isLessThan(40L << 20);
    }

    /** A step's tensors take 1.2 MB each, so that a leaked one would show. */
    private void step(int times) {
        for (int i = 0; i < times; i++) {
            try (NDManager scope = manager.newSubManager()) {
                NDArray x = scope.ones(new Shape(100_000, 3));
                NDArray loss =
                        Torch.withGrad(() -> module.call(scope, "loss", x)).singletonOrThrow();
                Torch.backward(loss);
                List<NDArray> gradients = module.parameters().values().stream()
                        .map(parameter -> Torch.gradient(scope, parameter))
                        .toList();
                Torch.zeroGradients(gradients);
                assertThat(module.call(scope, "half", x).get(0).getShape().get(0))
                        .isEqualTo(100_000);
            }
        }
    }

    private static long residentBytes() throws Exception {
        return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]) * 4096;
    }

    private float[] gradient(String parameter) {
        return Torch.gradient(manager, module.parameters().get(parameter)).toFloatArray();
    }

    private void fill(float... values) {
        int i = 0;
        for (NDArray parameter : module.parameters().values()) {
            parameter.addi(values[i++]);
        }
    }
}

package org.rekindle.worker.models;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/** Results and gradients on a CPU, beside those of fp64, which oneDNN does not compute. */
class Conv2dTest {

    /**
     * Gives the relative errors (L2) of the result, of the input's gradient, and of those of weight and bias; the last, a sum in which much
     * cancels out, relative to the result's gradient.
     */
    private record Comparison(Conv2d convolution) implements ScriptModule {
        @Override
        public Children children() {
            return Children.of("conv", convolution);
        }

        @Override
        public String methods() {
            return """
                def error(self, computed: Tensor, exact: Tensor, scale: Tensor) -> Tensor:
                  return (torch.norm(computed.to(7) - exact) / torch.norm(scale)).reshape([1])
                def forward(self, x: Tensor) -> Tensor:
                  return self.conv.forward(x)
                def forward16(self, x: Tensor) -> Tensor:
                  return self.conv.forward(x.to(15)).to(6)
                def errors(self, x: Tensor, gradient: Tensor, computed: List[Tensor]) -> Tensor:
                  w = self.conv.weight.to(7)
                  y = torch.conv2d(x.to(7), w, self.conv.bias.to(7), [%1$d, %1$d], [%2$d, %2$d])
                  exact = torch.convolution_backward(gradient.to(7), x.to(7), w, [w.shape[0]], [%1$d, %1$d], [%2$d, %2$d],
                      [1, 1], False, [0, 0], 1, [True, True, True])
                  return torch.cat([self.error(computed[0], y, y), self.error(computed[1], exact[0], exact[0]),
                      self.error(computed[2], exact[1], exact[1]), self.error(computed[3], exact[2], gradient.to(7))]).to(6)
                """.formatted(convolution.stride(), convolution.padding());
        }
    }

    @ParameterizedTest
    @CsvSource({"forward, 1e-5", "forward16, 2e-2"})
    void anyNumberOfChannelsIsComputedRight(String method, double tolerance) {
        Random random = new Random(5);
        for (int kernel : new int[] {1, 3}) {
            for (int stride : new int[] {1, 2}) {
                for (int in : new int[] {1, 3, 4, 8, 12, 16, 24, 40, 64, 80}) {
                    for (int out : new int[] {1, 4, 8, 12, 16, 24, 40, 64}) {
                        Conv2d convolution = new Conv2d(in, out, kernel, stride, kernel / 2);
                        assertThat(errors(convolution, method, random))
                                .as("%s: result, gradients of input, weight and bias", convolution)
                                .allMatch(error -> error < tolerance);
                    }
                }
            }
        }
    }

    private static List<Float> errors(Conv2d convolution, String method, Random random) {
        int side = 8;
        int result = (side - 1) / convolution.stride() + 1;
        try (NDManager scope = Torch.manager()) {
            TorchModule module = TorchModule.load(scope, new Comparison(convolution));
            module.parameters()
                    .values()
                    .forEach(
                            parameter -> Torch.copy(FloatBuffer.wrap(normal(random, parameter.getShape())), parameter));
            module.setTrainable(true);
            NDArray x = tensor(scope, random, new Shape(2, convolution.in(), side, side));
            x.setRequiresGradient(true);
            NDArray gradient = tensor(scope, random, new Shape(2, convolution.out(), result, result));
            NDArray y = Torch.withGrad(() -> module.call(scope, method, x).singletonOrThrow());
            Torch.backward(List.of(y), List.of(gradient));
            NDList computed = new NDList(
                    y.stopGradient(),
                    Torch.gradient(scope, x),
                    Torch.gradient(scope, module.parameters().get("conv.weight")),
                    Torch.gradient(scope, module.parameters().get("conv.bias")));
            float[] errors = module.call(scope, "errors", x.stopGradient(), gradient, List.copyOf(computed))
                    .singletonOrThrow()
                    .toFloatArray();
            return List.of(errors[0], errors[1], errors[2], errors[3]);
        }
    }

    private static NDArray tensor(NDManager scope, Random random, Shape shape) {
        return Tensors.of(scope, shape, normal(random, shape));
    }

    private static float[] normal(Random random, Shape shape) {
        float[] values = new float[Math.toIntExact(shape.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}

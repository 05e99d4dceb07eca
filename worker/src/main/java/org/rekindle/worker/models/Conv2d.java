package org.rekindle.worker.models;

import java.util.Map;
import org.rekindle.worker.torchscript.Initialization;
import org.rekindle.worker.torchscript.ParameterSpec;

/** PyTorch's {@code Conv2d} with a square kernel and a bias: (N, in, H, W) to (N, out, H', W'). */
record Conv2d(int in, int out, int kernel, int stride, int padding) implements Counted {

    /** A convolution that keeps height and width; the kernel is odd. */
    static Conv2d same(int in, int out, int kernel) {
        return new Conv2d(in, out, kernel, 1, kernel / 2);
    }

    static Conv2d pointwise(int in, int out) {
        return same(in, out, 1);
    }

    @Override
    public Map<String, ParameterSpec> parameters() {
        Initialization init = Initialization.fanIn((long) in * kernel * kernel);
        return ParameterSpec.pair(
                "weight", ParameterSpec.of(init, out, in, kernel, kernel), "bias", ParameterSpec.of(init, out));
    }

    Extent out(Extent of) {
        return of.resized(
                (of.height() + 2 * padding - kernel) / stride + 1, (of.width() + 2 * padding - kernel) / stride + 1);
    }

    @Override
    public Work work(Extent given) {
        long positions = out(given).positions();
        return Work.convolution(
                (long) in * out * kernel * kernel * positions,
                in * given.positions(),
                out * positions,
                given.hardware());
    }

    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor) -> Tensor:
              return torch.conv2d(x, self.weight.to(x.dtype), self.bias.to(x.dtype), [%1$d, %1$d], [%2$d, %2$d])
            """.formatted(stride, padding);
    }
}

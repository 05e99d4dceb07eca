package org.rekindle.worker.models;

import java.util.Map;
import org.rekindle.worker.torchscript.Initialization;
import org.rekindle.worker.torchscript.ParameterSpec;

/**
 * PyTorch's {@code Conv2d} with a square kernel and a bias: (N, in, H, W) to (N, out, H', W').
 *
 * <p>On a CPU oneDNN computes in blocks of 16 channels. The version in libtorch 2.7.1 (oneDNN 3.7.1) does not clear what it adds to weights
 * whose channels do not fill their blocks: what that memory held before comes into results and gradients, be it numbers or NaN. And the
 * gradient of a strided convolution's input is wrong where its channels are an odd number of blocks, of 3 and more. So the channels are filled
 * up with zeros here, which {@code Conv2dTest} and {@code UnclearedMemoryProcessTest} show to suffice. Stable Diffusion's are filled up but
 * for {@code conv_in} and {@code conv_out}.
 */
record Conv2d(int in, int out, int kernel, int stride, int padding) implements Counted {

    private static final int BLOCK = 16;

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
        long weight = (long) in * out * kernel * kernel;
        return Work.convolution(weight * positions, in * given.positions(), out * positions, given.hardware())
                .withCast(given.cast(weight));
    }

    @Override
    public String methods() {
        int addedIn = toFill(stride > 1 ? 2 * BLOCK : BLOCK, in);
        int addedOut = toFill(BLOCK, out);
        return addedIn + addedOut == 0 ? plain() : filled(addedIn, addedOut);
    }

    private static int toFill(int block, int channels) {
        return Math.floorMod(-channels, block);
    }

    private String plain() {
        return """
            def forward(self, x: Tensor) -> Tensor:
              return torch.conv2d(x, self.weight.to(x.dtype), self.bias.to(x.dtype), [%1$d, %1$d], [%2$d, %2$d])
            """.formatted(stride, padding);
    }

    private String filled(int addedIn, int addedOut) {
        return """
            def forward(self, x: Tensor) -> Tensor:
              w = self.weight.to(x.dtype)
              b = self.bias.to(x.dtype)
              if x.is_cuda:
                h = torch.conv2d(x, w, b, [%1$d, %1$d], [%2$d, %2$d])
              else:
                w = torch.constant_pad_nd(w, [0, 0, 0, 0, 0, %3$d, 0, %4$d])
                b = torch.constant_pad_nd(b, [0, %4$d])
                h = torch.conv2d(%5$s, w, b, [%1$d, %1$d], [%2$d, %2$d])%6$s
              return h
            """.formatted(
                        stride,
                        padding,
                        addedIn,
                        addedOut,
                        addedIn == 0 ? "x" : "torch.constant_pad_nd(x, [0, 0, 0, 0, 0, %d])".formatted(addedIn),
                        addedOut == 0 ? "" : "[:, :%d].contiguous()".formatted(out));
    }
}

package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.Children;

/**
 * Halves height and width by a convolution of stride 2; diffusers' {@code Downsample2D}.
 *
 * @param padding on all sides; 0 means one row and column of zeros at the bottom and the right, as the autoencoder has it
 */
record Downsample2D(int channels, int padding) implements Counted {

    @Override
    public Children children() {
        return Children.of("conv", conv());
    }

    private Conv2d conv() {
        return new Conv2d(channels, channels, 3, 2, padding);
    }

    Extent out(Extent of) {
        return conv().out(padded(of));
    }

    private Extent padded(Extent of) {
        return padding == 0 ? of.resized(of.height() + 1, of.width() + 1) : of;
    }

    @Override
    public Work work(Extent given) {
        return conv().work(padded(given));
    }

    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor) -> Tensor:
              return self.conv.forward(%s)
            """.formatted(padding == 0 ? "torch.constant_pad_nd(x, [0, 1, 0, 1])" : "x");
    }
}

package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.Children;

/** Enlarges to a size by repeating the nearest pixel, then convolves; diffusers' {@code Upsample2D}. */
record Upsample2D(int channels) implements Counted {

    @Override
    public Children children() {
        return Children.of("conv", Conv2d.same(channels, channels, 3));
    }

    /** To twice the size, as the autoencoder does it. */
    @Override
    public Work work(Extent given) {
        return to(given.doubled());
    }

    /** To a size, such as a skip's, which is odd where the way down rounded up. */
    Work to(Extent enlarged) {
        return Work.ofChildren(this, enlarged);
    }

    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor, size: List[int]) -> Tensor:
              return self.conv.forward(torch.upsample_nearest2d(x, size))
            """;
    }
}

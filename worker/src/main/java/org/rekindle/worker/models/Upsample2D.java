package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ScriptModule;

/** Enlarges to a size by repeating the nearest pixel, then convolves; diffusers' {@code Upsample2D}. */
record Upsample2D(int channels) implements ScriptModule {

    @Override
    public Children children() {
        return Children.of("conv", Conv2d.same(channels, channels, 3));
    }

    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor, size: List[int]) -> Tensor:
              return self.conv.forward(torch.upsample_nearest2d(x, size))
            """;
    }
}

package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * Residual block; diffusers' {@code ResnetBlock2D} with {@code time_embedding_norm="default"}.
 *
 * @param timeChannels width T of the time embedding; 0 for a block without one
 * @param outputScale the sum is divided by it
 */
record ResnetBlock2D(int inChannels, int outChannels, int timeChannels, Norm norm, double outputScale)
        implements ScriptModule {

    @Override
    public Children children() {
        return Children.of("norm1", norm.over(inChannels))
                .and("conv1", Conv2d.same(inChannels, outChannels, 3))
                .andIf(timeChannels > 0, "time_emb_proj", new Linear(timeChannels, outChannels))
                .and("norm2", norm.over(outChannels))
                .and("conv2", Conv2d.same(outChannels, outChannels, 3))
                .andIf(inChannels != outChannels, "conv_shortcut", Conv2d.pointwise(inChannels, outChannels));
    }

    /** With a time embedding, {@code forward(x (N, C, H, W), temb (N, T) after its activation)}, else {@code forward(x)}. */
    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor%s) -> Tensor:
              h = self.conv1.forward(torch.silu(self.norm1.forward(x)))      # (N, C', H, W)
              %s
              h = self.conv2.forward(torch.silu(self.norm2.forward(h)))
              return %s
            """.formatted(
                        timeChannels > 0 ? ", temb: Tensor" : "",
                        timeChannels > 0 ? "h = h + self.time_emb_proj.forward(temb)[:, :, None, None]" : "",
                        sum(inChannels == outChannels ? "x" : "self.conv_shortcut.forward(x)"));
    }

    private String sum(String shortcut) {
        return outputScale == 1 ? shortcut + " + h" : "(%s + h) / %s".formatted(shortcut, outputScale);
    }
}

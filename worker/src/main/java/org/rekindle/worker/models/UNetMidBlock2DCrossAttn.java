package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ModuleList;

/** The UNet's lowest resolution: residual block, attention, residual block; diffusers' {@code UNetMidBlock2DCrossAttn}. */
record UNetMidBlock2DCrossAttn(
        int channels, ResnetBlock2D.Spec resnet, Transformer2DModel.Spec attention, double outputScale)
        implements Counted {

    @Override
    public Children children() {
        ResnetBlock2D block = new ResnetBlock2D(channels, channels, resnet, outputScale);
        Transformer2DModel transformer =
                new Transformer2DModel(channels, resnet.norm().groups(), attention);
        return Children.of("attentions", ModuleList.of(transformer)).and("resnets", ModuleList.of(block, block));
    }

    @Override
    public Work work(Extent given) {
        return Work.inTurns(this, given);
    }

    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor, temb: Tensor, context: Tensor) -> Tensor:
              x = %s.forward(x, temb)
              x = %s.forward(x, context)
              return %s.forward(x, temb)
            """.formatted(
                ModuleList.member("resnets", 0), ModuleList.member("attentions", 0), ModuleList.member("resnets", 1));
    }
}

package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ModuleList;
import org.rekindle.worker.torchscript.ScriptModule;

/** The UNet's lowest resolution: residual block, attention, residual block; diffusers' {@code UNetMidBlock2DCrossAttn}. */
record UNetMidBlock2DCrossAttn(
        int channels, int timeChannels, Norm norm, Transformer2DModel.Spec attention, double outputScale)
        implements ScriptModule {

    @Override
    public Children children() {
        ResnetBlock2D resnet = new ResnetBlock2D(channels, channels, timeChannels, norm, outputScale);
        return Children.of("attentions", ModuleList.of(new Transformer2DModel(channels, norm.groups(), attention)))
                .and("resnets", ModuleList.of(resnet, resnet));
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

package org.rekindle.worker.models;

import java.util.ArrayList;
import java.util.List;
import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ModuleList;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * A resolution of the UNet's way up; diffusers' {@code UpBlock2D}, and {@code CrossAttnUpBlock2D} where there is attention.
 *
 * @param previousChannels of the block before this one
 * @param skipChannels of the last skip, the one from the next higher resolution
 * @param layers one more than the layers of the way down
 * @param attention null for none
 */
record UpBlock2D(
        int previousChannels,
        int skipChannels,
        int outChannels,
        int layers,
        ResnetBlock2D.Spec resnet,
        Transformer2DModel.Spec attention,
        boolean upsample)
        implements ScriptModule {

    @Override
    public Children children() {
        List<ScriptModule> resnets = new ArrayList<>();
        List<ScriptModule> attentions = new ArrayList<>();
        for (int i = 0; i < layers; i++) {
            int in = (i == 0 ? previousChannels : outChannels) + (i == layers - 1 ? skipChannels : outChannels);
            resnets.add(new ResnetBlock2D(in, outChannels, resnet));
            attentions.add(new Transformer2DModel(outChannels, resnet.norm().groups(), attention));
        }
        return Children.none()
                .andIf(attention != null, "attentions", new ModuleList(attentions))
                .and("resnets", new ModuleList(resnets))
                .andIf(upsample, "upsamplers", ModuleList.of(new Upsample2D(outChannels)));
    }

    /**
     * What a forward pass takes.
     *
     * @param above what it enlarges to; its own extent where it does not
     */
    Work work(Extent at, Extent above) {
        Work layers = Work.inTurns(this, at);
        return upsample ? layers.plus(new Upsample2D(outChannels).to(above)) : layers;
    }

    /** Takes as many skips as it has layers, the last one first; {@code size} is the height and width to enlarge to. */
    @Override
    public String methods() {
        StringBuilder script = new StringBuilder("""
            def forward(self, x: Tensor, skips: List[Tensor], temb: Tensor, context: Tensor, size: List[int]) -> Tensor:
            """);
        for (int i = 0; i < layers; i++) {
            script.append("  x = %s.forward(torch.cat([x, skips[%d]], 1), temb)\n"
                    .formatted(ModuleList.member("resnets", i), layers - 1 - i));
            if (attention != null) {
                script.append("  x = %s.forward(x, context)\n".formatted(ModuleList.member("attentions", i)));
            }
        }
        if (upsample) {
            script.append("  x = %s.forward(x, size)\n".formatted(ModuleList.member("upsamplers", 0)));
        }
        return script + "  return x\n";
    }
}

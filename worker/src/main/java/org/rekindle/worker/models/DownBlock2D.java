package org.rekindle.worker.models;

import java.util.ArrayList;
import java.util.List;
import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ModuleList;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * A resolution of the UNet's way down; diffusers' {@code DownBlock2D}, and {@code CrossAttnDownBlock2D} where there is attention.
 *
 * @param attention null for none
 * @param downsample null where the resolution is the last
 */
record DownBlock2D(
        int inChannels,
        int outChannels,
        int layers,
        ResnetBlock2D.Spec resnet,
        Transformer2DModel.Spec attention,
        Downsample2D downsample)
        implements Counted {

    @Override
    public Children children() {
        List<ScriptModule> resnets = new ArrayList<>();
        List<ScriptModule> attentions = new ArrayList<>();
        for (int i = 0; i < layers; i++) {
            resnets.add(new ResnetBlock2D(i == 0 ? inChannels : outChannels, outChannels, resnet));
            attentions.add(new Transformer2DModel(outChannels, resnet.norm().groups(), attention));
        }
        return Children.none()
                .andIf(attention != null, "attentions", new ModuleList(attentions))
                .and("resnets", new ModuleList(resnets))
                .andIf(
                        downsample != null,
                        "downsamplers",
                        new ModuleList(downsample == null ? List.of() : List.of(downsample)));
    }

    @Override
    public Work work(Extent given) {
        Work work = Work.inTurns(this, given);
        return downsample == null ? work : work.plus(downsample.work(given));
    }

    /** Returns what the way up takes as skips; the last of them is the output. */
    @Override
    public String methods() {
        StringBuilder script = new StringBuilder("""
            def forward(self, x: Tensor, temb: Tensor, context: Tensor) -> List[Tensor]:
              skips = annotate(List[Tensor], [])
            """);
        for (int i = 0; i < layers; i++) {
            script.append("  x = %s.forward(x, temb)\n".formatted(ModuleList.member("resnets", i)));
            if (attention != null) {
                script.append("  x = %s.forward(x, context)\n".formatted(ModuleList.member("attentions", i)));
            }
            script.append("  skips.append(x)\n");
        }
        if (downsample != null) {
            script.append("  skips.append(%s.forward(x))\n".formatted(ModuleList.member("downsamplers", 0)));
        }
        return script + "  return skips\n";
    }
}

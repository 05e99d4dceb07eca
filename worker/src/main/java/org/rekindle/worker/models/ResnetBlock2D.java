package org.rekindle.worker.models;

import java.util.Map;
import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * Residual block; diffusers' {@code ResnetBlock2D}.
 *
 * @param outputScale the sum is divided by it
 */
record ResnetBlock2D(int inChannels, int outChannels, Spec spec, double outputScale) implements Counted {

    /**
     * What all residual blocks of a model have in common.
     *
     * @param timeChannels width T of the time embedding; 0 for blocks without one
     * @param scaleShift {@code resnet_time_scale_shift="scale_shift"}: whether the time embedding scales and shifts the normalised
     *     features, rather than being added to them before
     */
    record Spec(int timeChannels, Norm norm, Activation activation, boolean scaleShift) {}

    ResnetBlock2D(int inChannels, int outChannels, Spec spec) {
        this(inChannels, outChannels, spec, 1);
    }

    @Override
    public Children children() {
        int timeOut = spec.scaleShift ? 2 * outChannels : outChannels;
        return Children.of("norm1", spec.norm.over(inChannels))
                .and("conv1", Conv2d.same(inChannels, outChannels, 3))
                .andIf(spec.timeChannels > 0, "time_emb_proj", new Linear(spec.timeChannels, timeOut))
                .and("norm2", spec.norm.over(outChannels))
                .and("conv2", Conv2d.same(outChannels, outChannels, 3))
                .andIf(inChannels != outChannels, "conv_shortcut", Conv2d.pointwise(inChannels, outChannels));
    }

    /**
     * Both activations keep what they are given, a scaled and shifted norm too; the shortcut is given what the first norm keeps. While the
     * main path goes backward, the gradient that came past it is there.
     */
    @Override
    public Work work(Extent given) {
        Map<String, ScriptModule> parts = children().asMap();
        long in = inChannels * given.positions();
        long out = outChannels * given.positions();
        Work main = Work.of(parts.get("norm1"), given).plus(Work.keeping(in)).plus(Work.of(parts.get("conv1"), given));
        if (spec.timeChannels > 0) {
            main = main.plus(Work.of(parts.get("time_emb_proj"), given.tokens(1)));
        }
        main = main.plus(Work.of(parts.get("norm2"), given))
                .plus(Work.keeping(spec.scaleShift ? 2 * out : out))
                .plus(Work.of(parts.get("conv2"), given))
                .beside(in);
        return parts.containsKey("conv_shortcut")
                ? main.plus(Work.of(parts.get("conv_shortcut"), given).sharing(in))
                : main;
    }

    /** With a time embedding, {@code forward(x (N, C, H, W), temb (N, T) after its activation)}, else {@code forward(x)}. */
    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor%s) -> Tensor:
              h = self.conv1.forward(%s)                                     # (N, C', H, W)
            %s  h = self.conv2.forward(%s)
              return %s
            """.formatted(
                        spec.timeChannels > 0 ? ", temb: Tensor" : "",
                        spec.activation.of("self.norm1.forward(x)"),
                        conditionedNorm(),
                        spec.activation.of("h"),
                        sum(inChannels == outChannels ? "x" : "self.conv_shortcut.forward(x)"));
    }

    private String conditionedNorm() {
        if (spec.timeChannels == 0) {
            return "  h = self.norm2.forward(h)\n";
        }
        return spec.scaleShift ? """
                  scale, shift = self.time_emb_proj.forward(temb).unflatten(1, [-1, 1, 1]).chunk(2, 1)
                  h = self.norm2.forward(h) * (1 + scale) + shift
                """ : """
                  h = self.norm2.forward(h + self.time_emb_proj.forward(temb).unflatten(1, [-1, 1, 1]))
                """;
    }

    private String sum(String shortcut) {
        return outputScale == 1 ? shortcut + " + h" : "(%s + h) / %s".formatted(shortcut, outputScale);
    }
}

package org.rekindle.worker.models;

import java.util.Collections;
import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ModuleList;

/** Transformer blocks over the pixels of a feature map as tokens; diffusers' {@code Transformer2DModel}. */
record Transformer2DModel(int channels, int groups, Spec spec) implements Counted {

    private static final double EPS = 1e-6;

    /**
     * @param heads attention heads; they share the channels evenly, and a rest takes no part
     * @param contextChannels {@code cross_attention_dim}
     * @param layers {@code transformer_layers_per_block}
     * @param linearProjection {@code use_linear_projection}
     * @param onlyCross {@code only_cross_attention}: whether the first attention goes to the context too
     * @param upcast {@code upcast_attention}
     */
    record Spec(
            int heads, int contextChannels, int layers, boolean linearProjection, boolean onlyCross, boolean upcast) {}

    @Override
    public Children children() {
        int inner = channels / spec.heads() * spec.heads();
        BasicTransformerBlock block = new BasicTransformerBlock(inner, spec);
        return Children.of("norm", new GroupNorm(channels, groups, EPS))
                .and("proj_in", new TokenProjection(channels, inner, spec.linearProjection()))
                .and("transformer_blocks", new ModuleList(Collections.nCopies(spec.layers(), block)))
                .and("proj_out", new TokenProjection(inner, channels, spec.linearProjection()));
    }

    /** The gradient goes past it too. */
    @Override
    public Work work(Extent given) {
        return Work.ofChildren(this, given).beside(channels * given.positions());
    }

    @Override
    public String methods() {
        StringBuilder script = new StringBuilder("""
            def forward(self, x: Tensor, context: Tensor) -> Tensor:       # x (N, C, H, W), context (N, L, D)
              h = self.norm.forward(x).flatten(2).transpose(1, 2)          # (N, H W, C)
              h = self.proj_in.forward(h)
            """);
        for (int i = 0; i < spec.layers(); i++) {
            script.append("  h = %s.forward(h, context)\n".formatted(ModuleList.member("transformer_blocks", i)));
        }
        return script + "  return x + self.proj_out.forward(h).transpose(1, 2).unflatten(2, x.shape[2:])\n";
    }
}

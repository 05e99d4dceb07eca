package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * Self-attention, cross-attention and feed-forward, each normalised before and added; diffusers' {@code BasicTransformerBlock}.
 *
 * @param channels of the tokens, in {@code spec}'s heads
 */
record BasicTransformerBlock(int channels, Transformer2DModel.Spec spec) implements ScriptModule {

    private static final double EPS = 1e-5;

    @Override
    public Children children() {
        LayerNorm norm = new LayerNorm(channels, EPS);
        Attention cross = new Attention(channels, spec.contextChannels(), spec.heads(), spec.upcast());
        Attention self = new Attention(channels, channels, spec.heads(), spec.upcast());
        return Children.of("norm1", norm)
                .and("attn1", spec.onlyCross() ? cross : self)
                .and("norm2", norm)
                .and("attn2", cross)
                .and("norm3", norm)
                .and("ff", new FeedForward(channels));
    }

    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor, context: Tensor) -> Tensor:       # x (N, S, C), context (N, L, D)
              h = self.norm1.forward(x)
              x = x + self.attn1.forward(h, %s)
              x = x + self.attn2.forward(self.norm2.forward(x), context)
              return x + self.ff.forward(self.norm3.forward(x))
            """.formatted(spec.onlyCross() ? "context" : "h");
    }
}

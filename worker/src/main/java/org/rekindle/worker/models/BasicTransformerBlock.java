package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ScriptModule;

/** Self-attention, cross-attention and feed-forward, each normalised before and added; diffusers' {@code BasicTransformerBlock}. */
record BasicTransformerBlock(int channels, int heads, int contextChannels) implements ScriptModule {

    private static final double EPS = 1e-5;

    @Override
    public Children children() {
        LayerNorm norm = new LayerNorm(channels, EPS);
        return Children.of("norm1", norm)
                .and("attn1", new Attention(channels, channels, heads))
                .and("norm2", norm)
                .and("attn2", new Attention(channels, contextChannels, heads))
                .and("norm3", norm)
                .and("ff", new FeedForward(channels));
    }

    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor, context: Tensor) -> Tensor:       # x (N, S, C), context (N, L, D)
              h = self.norm1.forward(x)
              x = x + self.attn1.forward(h, h)
              x = x + self.attn2.forward(self.norm2.forward(x), context)
              return x + self.ff.forward(self.norm3.forward(x))
            """;
    }
}

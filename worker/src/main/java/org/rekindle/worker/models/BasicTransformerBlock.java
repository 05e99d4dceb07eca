package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.Children;

/**
 * Self-attention, cross-attention and feed-forward, each normalised before and added; diffusers' {@code BasicTransformerBlock}.
 *
 * @param channels of the tokens, in {@code spec}'s heads
 */
record BasicTransformerBlock(int channels, Transformer2DModel.Spec spec) implements Counted {

    private static final double EPS = 1e-5;

    @Override
    public Children children() {
        LayerNorm norm = new LayerNorm(channels, EPS);
        return Children.of("norm1", norm)
                .and("attn1", spec.onlyCross() ? attention(spec.contextChannels()) : attention(channels))
                .and("norm2", norm)
                .and("attn2", attention(spec.contextChannels()))
                .and("norm3", norm)
                .and("ff", new FeedForward(channels));
    }

    private Attention attention(int contextChannels) {
        return new Attention(channels, contextChannels, spec.heads(), spec.upcast());
    }

    /** Each part's gradient goes past it too. */
    @Override
    public Work work(Extent given) {
        int tokens = (int) given.positions();
        long past = channels * given.positions();
        Work norm = new LayerNorm(channels, EPS).work(given);
        Work cross = attention(spec.contextChannels()).work(given, given.context(), true);
        Work first = spec.onlyCross() ? cross : attention(channels).work(given, tokens, false);
        return norm.plus(first)
                .beside(past)
                .plus(norm.plus(cross).beside(past))
                .plus(norm.plus(Work.of(new FeedForward(channels), given)).beside(past));
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

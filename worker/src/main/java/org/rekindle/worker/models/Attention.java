package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ModuleList;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * Multi-head attention of tokens x (N, S, channels) to a context (N, L, contextChannels); diffusers' {@code Attention} without biases
 * but the output's.
 *
 * @param upcast {@code upcast_attention}
 */
record Attention(int channels, int contextChannels, int heads, boolean upcast) implements ScriptModule {

    @Override
    public Children children() {
        return Children.of("to_q", new Linear(channels, channels, false))
                .and("to_k", new Linear(contextChannels, channels, false))
                .and("to_v", new Linear(contextChannels, channels, false))
                .and("to_out", ModuleList.of(new Linear(channels, channels)))
                .and("attend", new ScaledDotProductAttention(upcast));
    }

    /**
     * For one example. Where x is the context too, it is kept once; where the context is text, which needs no gradient, the casts of its
     * projections are not kept.
     *
     * @param given x; its context is the text
     * @param keys tokens of the context
     * @param ofText whether the context is text
     */
    Work work(Extent given, int keys, boolean ofText) {
        int queries = (int) given.positions();
        Work key = Work.product((long) contextChannels * channels * keys, 0, (long) channels * keys)
                .withCast(ofText ? 0 : given.cast((long) contextChannels * channels));
        Linear linear = new Linear(channels, channels);
        return linear.work(given)
                .plus(key)
                .plus(key)
                .plus(new ScaledDotProductAttention(upcast).work(queries, keys, channels, heads, given.hardware()))
                .plus(linear.work(given).sharing(channels * given.positions()));
    }

    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor, context: Tensor) -> Tensor:
              q = self.to_q.forward(x).unflatten(-1, [%1$d, -1]).transpose(1, 2)            # (N, heads, S, D)
              k = self.to_k.forward(context).unflatten(-1, [%1$d, -1]).transpose(1, 2)      # (N, heads, L, D)
              v = self.to_v.forward(context).unflatten(-1, [%1$d, -1]).transpose(1, 2)
              h = self.attend.forward(q, k, v).transpose(1, 2).flatten(2)                    # (N, S, C)
              return %2$s.forward(h)
            """.formatted(heads, ModuleList.member("to_out", 0));
    }
}

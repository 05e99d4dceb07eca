package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.Children;

/**
 * Sinusoidal embedding of timesteps and the two layers behind it; diffusers' {@code Timesteps} and {@code TimestepEmbedding}.
 *
 * @param frequencyChannels width of the sines and cosines
 * @param out width T of the embedding
 * @param flipSinToCos whether cosines come first
 * @param freqShift subtracted from the number of frequencies where they are spread from 1 to 1/10000
 */
record TimestepEmbedding(int frequencyChannels, int out, boolean flipSinToCos, double freqShift, Activation activation)
        implements Counted {

    @Override
    public Children children() {
        return Children.of("linear_1", new Linear(frequencyChannels, out)).and("linear_2", new Linear(out, out));
    }

    @Override
    public Work work(Extent given) {
        return Work.ofChildren(this, given.tokens(1));
    }

    /**
     * {@code forward(timestep (N), like)} gives (N, T) of the type of {@code like}, after the activation that every block would apply to
     * it.
     */
    @Override
    public String methods() {
        int half = frequencyChannels / 2;
        return """
            def forward(self, timestep: Tensor, like: Tensor) -> Tensor:
              exponent = torch.arange(0, %d, dtype=6, device=timestep.device) * %s / %s
              angle = timestep.to(6)[:, None] * torch.exp(exponent)[None, :]                # (N, half)
              waves = torch.cat([%s], -1)
              h = self.linear_1.forward(%s.to(like.dtype))
              return %s
            """.formatted(
                        half,
                        -Math.log(10_000),
                        half - freqShift,
                        flipSinToCos ? "torch.cos(angle), torch.sin(angle)" : "torch.sin(angle), torch.cos(angle)",
                        frequencyChannels % 2 == 0 ? "waves" : "torch.constant_pad_nd(waves, [0, 1])",
                        activation.of("self.linear_2.forward(%s)".formatted(activation.of("h"))));
    }
}

package org.rekindle.worker.training;

import org.rekindle.worker.torchscript.ScriptModule;

/**
 * From bytes to images and from moments to latents, one native call each. The posterior is diffusers'
 * {@code DiagonalGaussianDistribution}: log-variances are clamped to [-30, 20].
 *
 * @param scalingFactor what sampled latents are multiplied with; {@code scaling_factor} of the VAE's config, or 1
 */
record LatentMath(double scalingFactor) implements ScriptModule {

    @Override
    public String methods() {
        return """
            def pixels(self, rgb: Tensor) -> Tensor:                           # (N, H, W, 3) uint8
              return (rgb.permute([0, 3, 1, 2]).to(6) / 127.5 - 1.0).contiguous()   # (N, 3, H, W) in [-1, 1]
            def sample(self, moments: Tensor, noise: Tensor) -> Tensor:        # (N, 2C, h, w), (N, C, h, w)
              mean, logvar = torch.chunk(moments.to(6), 2, 1)
              std = torch.exp(0.5 * torch.clamp(logvar, -30.0, 20.0))
              return (mean + std * noise) * %s                                 # (N, C, h, w)
            def join(self, parts: List[Tensor]) -> Tensor:                     # along the batch
              return torch.cat(parts, 0)
            def choose(self, keep: Tensor, states: Tensor, empty: Tensor) -> Tensor:     # (N, 1, 1) of 0 and 1, (N, L, D), (1, L, D)
              return torch.where(keep > 0.5, states, empty)                    # (N, L, D)
            """.formatted(Literals.of(scalingFactor));
    }
}

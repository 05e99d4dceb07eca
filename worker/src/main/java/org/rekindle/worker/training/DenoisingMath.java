package org.rekindle.worker.training;

import org.rekindle.worker.torchscript.ScriptModule;

/** The elementwise part of the denoising loss, one native call each. */
record DenoisingMath() implements ScriptModule {

    @Override
    public String methods() {
        return """
            def mix(self, latents: Tensor, noise: Tensor, a: Tensor, b: Tensor) -> Tensor:   # (N, C, h, w) twice, (N) twice
              return a[:, None, None, None] * latents + b[:, None, None, None] * noise     # (N, C, h, w)
            def add(self, noise: Tensor, more: Tensor, strength: Tensor) -> Tensor:          # (N, C, h, w), (N, C, h or 1, w or 1), ()
              return noise + strength * more                                               # (N, C, h, w)
            def loss(self, prediction: Tensor, target: Tensor) -> Tensor:
              return torch.mse_loss(prediction, target)
            def weighted_loss(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:   # (N, C, h, w) twice, (N)
              each = torch.mean(torch.flatten(torch.square(prediction - target), 1), 1)    # (N)
              return torch.mean(each * weight)
            """;
    }
}

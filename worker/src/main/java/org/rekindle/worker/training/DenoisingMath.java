package org.rekindle.worker.training;

import org.rekindle.worker.torchscript.ScriptModule;

/** The elementwise part of the denoising loss, one native call each. */
record DenoisingMath() implements ScriptModule {

    @Override
    public String methods() {
        return """
            def mix(self, latents: Tensor, noise: Tensor, a: Tensor, b: Tensor) -> Tensor:   # (N, C, h, w) twice, (N) twice
              return a[:, None, None, None] * latents + b[:, None, None, None] * noise     # (N, C, h, w)
            def loss(self, prediction: Tensor, target: Tensor) -> Tensor:
              return torch.mse_loss(prediction, target)
            """;
    }
}

package org.rekindle.worker.training;

import org.rekindle.worker.torchscript.ScriptModule;

/**
 * The loss of a variational autoencoder, per image element: mean reconstruction error plus the weighted KL divergence from the unit
 * Gaussian in nats per image, divided by the image's 3HW elements.
 *
 * <p>That is the loss of the latent diffusion paper's first stage (Rombach et al. 2022, appendix G, without its perceptual and
 * adversarial parts; Kingma and Welling 2014, appendix B, for the divergence of a diagonal Gaussian) divided by the number of
 * elements: there, both parts are sums over an image. So weights such as 1e-6 mean here what they mean there, at any resolution.
 *
 * @param klWeight {@code objective.params.kl_weight}
 * @param absolute whether the reconstruction error is absolute (L1) rather than squared
 */
record AutoencoderLoss(double klWeight, boolean absolute) implements ScriptModule {

    @Override
    public String methods() {
        return """
            def kl(self, moments: Tensor) -> Tensor:                           # (N, 2C, h, w)
              mean, logvar = torch.chunk(moments.to(6), 2, 1)
              logvar = torch.clamp(logvar, -30.0, 20.0)
              return 0.5 * torch.sum(mean * mean + torch.exp(logvar) - 1.0 - logvar, [1, 2, 3])   # (N) nats
            def loss(self, image: Tensor, reconstruction: Tensor, moments: Tensor) -> Tensor:
              elements = image.size(1) * image.size(2) * image.size(3)
              error = torch.%s(reconstruction.to(6), image)
              return error + %s * torch.mean(self.kl(moments)) / elements
            """.formatted(absolute ? "l1_loss" : "mse_loss", Literals.of(klWeight));
    }
}

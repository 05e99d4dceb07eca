package org.rekindle.coordinator.config;

/**
 * The section {@code objective}: what the run trains.
 *
 * @param target {@code denoising}, the default, trains the UNet; {@code autoencoder} trains the VAE
 * @param params what the autoencoder's loss takes; never null
 */
public record ObjectiveConfig(String target, Params params) {

    public static final String DENOISING = "denoising";
    public static final String AUTOENCODER = "autoencoder";

    public ObjectiveConfig {
        target = target == null ? DENOISING : target;
        params = params == null ? new Params(null, null) : params;
    }

    /**
     * @param klWeight weight of the KL divergence from the unit Gaussian, default 1e-6
     * @param reconstruction {@code mse}, the default, or {@code l1}
     */
    public record Params(Double klWeight, String reconstruction) {

        public static final String L1 = "l1";
        public static final String MSE = "mse";

        public Params {
            klWeight = klWeight == null ? 1e-6 : klWeight;
            reconstruction = reconstruction == null ? MSE : reconstruction;
        }
    }
}

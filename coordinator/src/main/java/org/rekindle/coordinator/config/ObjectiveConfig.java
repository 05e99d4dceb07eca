package org.rekindle.coordinator.config;

/**
 * The section {@code objective}: what the run trains.
 *
 * @param target {@code denoising}, the default, trains the UNet; {@code autoencoder} trains the VAE
 * @param params what the target's loss takes; never null
 */
public record ObjectiveConfig(String target, Params params) {

    public static final String DENOISING = "denoising";
    public static final String AUTOENCODER = "autoencoder";

    public ObjectiveConfig {
        target = target == null ? DENOISING : target;
        params = params == null ? Params.NONE : params;
        params = target.equals(AUTOENCODER) ? params.orAutoencoderDefaults() : params;
    }

    /**
     * A key of the other target is an error, so what does not belong to the target is null.
     *
     * @param klWeight autoencoder: weight of the KL divergence from the unit Gaussian, default 1e-6
     * @param reconstruction autoencoder: {@code mse}, the default, or {@code l1}
     * @param snrGamma denoising: bound of the loss weights by min-SNR (Hang et al. 2023); null for equal weights
     * @param noiseOffset denoising: strength of the noise that is the same all over a latent channel; null for none
     * @param inputPerturbation denoising: strength of the noise that only the model's input has (Ning et al. 2023); null for none
     */
    public record Params(
            Double klWeight, String reconstruction, Double snrGamma, Double noiseOffset, Double inputPerturbation) {

        public static final Params NONE = new Params(null, null, null, null, null);
        public static final String L1 = "l1";
        public static final String MSE = "mse";

        private Params orAutoencoderDefaults() {
            return new Params(
                    klWeight == null ? Double.valueOf(1e-6) : klWeight,
                    reconstruction == null ? MSE : reconstruction,
                    snrGamma,
                    noiseOffset,
                    inputPerturbation);
        }
    }
}

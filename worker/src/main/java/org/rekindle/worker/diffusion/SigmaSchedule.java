package org.rekindle.worker.diffusion;

import java.util.Arrays;

/**
 * Noise levels sigma = sqrt((1 - a) / a), where a is {@code alphas_cumprod}: the standard deviation of the noise over latents scaled to
 * x0 + sigma noise (Karras et al. 2022, table 1). Rounds where diffusers rounds.
 *
 * @param timesteps what the model is asked for, in order
 * @param sigmas the level before each of these steps, and the one after the last
 */
record SigmaSchedule(float[] timesteps, float[] sigmas) {

    /** For the terminal a of 0, whose sigma would be infinite, diffusers takes 2^-24. */
    private static final float TERMINAL_SIGMA = 0x1p12f;

    /** Karras et al. 2022, equation 5. */
    private static final double RHO = 7;

    private static final double SMALLEST_SIGMA = 1e-10;

    /** The training's levels at each of its timesteps, rising. */
    static float[] training(NoiseSchedule schedule) {
        float[] sigmas = new float[schedule.numTrainTimesteps()];
        for (int t = 0; t < sigmas.length; t++) {
            float alpha = (float) schedule.alphaCumprod(t);
            sigmas[t] = alpha == 0 ? TERMINAL_SIGMA : root((1 - alpha) / alpha);
        }
        return sigmas;
    }

    /** Levels at timesteps, those between two of the training's linearly interpolated. */
    static double[] at(float[] timesteps, float[] training) {
        double[] sigmas = new double[timesteps.length];
        for (int i = 0; i < sigmas.length; i++) {
            double t = timesteps[i];
            int low = Math.min((int) t, training.length - 1);
            int high = Math.min(low + 1, training.length - 1);
            sigmas[i] = ((double) training[high] - training[low]) * (t - low) + training[low];
        }
        return sigmas;
    }

    /**
     * Levels whose seventh roots are evenly spaced (Karras et al. 2022, equation 5); {@code sigma_min} and {@code sigma_max} of the
     * config go before the given bounds.
     */
    static double[] karras(SchedulerConfig config, double largest, double smallest, int count) {
        double from = Math.pow(config.number("sigma_max", largest), 1 / RHO);
        double to = Math.pow(config.number("sigma_min", smallest), 1 / RHO);
        double[] sigmas = new double[count];
        for (int i = 0; i < count; i++) {
            double ramp = count == 1 ? 0 : i / (double) (count - 1);
            sigmas[i] = Math.pow(from + ramp * (to - from), RHO);
        }
        return sigmas;
    }

    /** The timestep, between two of the training's, that has a level; the logarithm is interpolated. */
    static double timestepOf(double sigma, float[] training) {
        double log = Math.log(Math.max(sigma, SMALLEST_SIGMA));
        int low = 0;
        while (low < training.length - 2 && log >= (float) Math.log(training[low + 1])) {
            low++;
        }
        double below = (float) Math.log(training[low]);
        double above = (float) Math.log(training[low + 1]);
        double weight = Math.max(0, Math.min(1, (below - log) / (below - above)));
        return (1 - weight) * low + weight * (low + 1);
    }

    /** Adds the level after the last step: 0, or the training's smallest, as {@code final_sigmas_type} says. */
    static SigmaSchedule ending(SchedulerConfig config, float[] timesteps, double[] sigmas, float[] training) {
        boolean zero =
                config.choice("final_sigmas_type", "zero", "zero", "sigma_min").equals("zero");
        return ending(zero ? 0 : training[0], timesteps, sigmas);
    }

    static SigmaSchedule ending(float last, float[] timesteps, double[] sigmas) {
        float[] all = new float[sigmas.length + 1];
        for (int i = 0; i < sigmas.length; i++) {
            all[i] = (float) sigmas[i];
        }
        all[sigmas.length] = last;
        return new SigmaSchedule(timesteps, all);
    }

    /**
     * The standard deviation of the noise to begin with: the largest level, or with the latents' own variance of 1 beside it where
     * leading spacing begins before the noise has covered them.
     */
    float initNoiseSigma(boolean leading) {
        float largest = 0;
        for (float sigma : sigmas) {
            largest = Math.max(largest, sigma);
        }
        return leading ? root(largest * largest + 1) : largest;
    }

    /** Latents x0 + sigma noise, scaled back to the variance that the model was trained with. */
    float[] scaleModelInput(int index, float[] sample) {
        float scale = root(sigmas[index] * sigmas[index] + 1);
        float[] scaled = new float[sample.length];
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = sample[i] / scale;
        }
        return scaled;
    }

    /** The clean latents x0 that a prediction for latents x0 + sigma noise implies. */
    static float original(PredictionType type, float sigma, float sample, float prediction) {
        return switch (type) {
            case EPSILON -> sample - sigma * prediction;
            case SAMPLE -> prediction;
            case V_PREDICTION -> {
                float variance = sigma * sigma + 1;
                yield prediction * (-sigma / root(variance)) + sample / variance;
            }
        };
    }

    static float root(float value) {
        return (float) Math.sqrt(value);
    }

    @Override
    public float[] timesteps() {
        return Arrays.copyOf(timesteps, timesteps.length);
    }
}

package org.rekindle.worker.diffusion;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.rekindle.data.UserException;

/**
 * The forward process x_t = sqrt(a_t) x0 + sqrt(1 - a_t) noise of DDPM (Ho et al. 2020), a_t being {@code alphas_cumprod}, and what
 * the model learns to predict at each timestep. Read from any scheduler's config, whatever class wrote it, as they share these keys.
 *
 * <p>Rounds where diffusers rounds: betas and alphas are floats, their product is accumulated in double.
 */
public final class NoiseSchedule {

    private static final double LARGEST_BETA = 0.999;

    private final float[] alphasCumprod;
    private final PredictionType predictionType;

    private NoiseSchedule(float[] alphasCumprod, PredictionType predictionType) {
        this.alphasCumprod = alphasCumprod;
        this.predictionType = predictionType;
    }

    /** Weights of a linear combination: latents * {@code latents} + noise * {@code noise}. */
    public record Coefficients(double latents, double noise) {}

    /**
     * Reads {@code num_train_timesteps}, {@code beta_start}, {@code beta_end}, {@code beta_schedule}, {@code trained_betas},
     * {@code rescale_betas_zero_snr} and {@code prediction_type}; absent keys take diffusers' defaults.
     *
     * @throws UserException naming the key whose value is not supported
     */
    public static NoiseSchedule of(ObjectNode schedulerConfig) {
        SchedulerConfig config = new SchedulerConfig(schedulerConfig);
        PredictionType predictionType = PredictionType.parse(config.text("prediction_type", "epsilon"))
                .orElseThrow(() -> config.wrong("prediction_type", "epsilon, v_prediction or sample"));
        float[] betas = betas(config);
        if (config.flag("rescale_betas_zero_snr", false)) {
            betas = rescaleZeroTerminalSnr(betas);
        }
        return new NoiseSchedule(cumulativeProduct(betas), predictionType);
    }

    public int numTrainTimesteps() {
        return alphasCumprod.length;
    }

    public PredictionType predictionType() {
        return predictionType;
    }

    /** The share of the signal's variance that is left at a timestep, from 1 (clean) down to 0 (noise alone). */
    public double alphaCumprod(int timestep) {
        return alphasCumprod[timestep];
    }

    /**
     * Checks that the latents can be told from a prediction at a generation's first timestep.
     *
     * @throws UserException when the model predicts noise where there is nothing else
     */
    void requireSignalFor(SchedulerConfig config, int firstTimestep) {
        if (predictionType == PredictionType.EPSILON && alphasCumprod[firstTimestep] == 0) {
            throw config.wrong(
                    "rescale_betas_zero_snr",
                    "false with prediction_type epsilon, as the noise says nothing about the latents at timestep "
                            + firstTimestep);
        }
    }

    /**
     * Checks that the target says something about the latents at every timestep.
     *
     * @throws UserException for epsilon where a timestep is noise alone: the model would learn to give its input back there, and no
     *     sampler could start from it (Lin et al. 2023, section 3.1)
     */
    public void requireTargets() {
        if (predictionType == PredictionType.EPSILON && alphasCumprod[alphasCumprod.length - 1] == 0) {
            throw new UserException("scheduler config: prediction_type is epsilon and the last timestep noise alone"
                    + " (rescale_betas_zero_snr), where the noise says nothing about the latents; set prediction_type to"
                    + " v_prediction, or rescale_betas_zero_snr to false");
        }
    }

    /** How latents and noise mix into the model's input at a timestep. */
    public Coefficients addNoise(int timestep) {
        double alpha = alphasCumprod[timestep];
        return new Coefficients(Math.sqrt(alpha), Math.sqrt(1 - alpha));
    }

    /** How latents and noise mix into what the model is to predict at a timestep. */
    public Coefficients target(int timestep) {
        Coefficients mix = addNoise(timestep);
        return switch (predictionType) {
            case EPSILON -> new Coefficients(0, 1);
            case SAMPLE -> new Coefficients(1, 0);
            case V_PREDICTION -> new Coefficients(-mix.noise(), mix.latents());
        };
    }

    /** Signal to noise in variance: from infinity (clean) down to 0 (noise alone). */
    public double snr(int timestep) {
        double alpha = alphasCumprod[timestep];
        return alpha / (1 - alpha);
    }

    /**
     * The weight of a timestep's squared error that makes it weigh min(SNR, gamma) in terms of clean latents (Hang et al. 2023,
     * section 3.4): min(SNR, gamma) for sample, over SNR for epsilon, over SNR + 1 for velocity. Finite at both ends, where it takes
     * its limit: at SNR 0 that is 1 for epsilon and 0 for the others; at infinite SNR it is gamma for sample and 0 for the others.
     *
     * @param gamma above 0
     */
    public double minSnrWeight(int timestep, double gamma) {
        double snr = snr(timestep);
        return switch (predictionType) {
            case EPSILON -> Math.min(1, gamma / snr);
            case SAMPLE -> Math.min(snr, gamma);
            case V_PREDICTION -> Math.min(snr, gamma) / (snr + 1);
        };
    }

    private static float[] betas(SchedulerConfig config) {
        if (config.given("trained_betas").isPresent()) {
            return trainedBetas(config);
        }
        int count = config.integer("num_train_timesteps", 1000);
        double start = config.number("beta_start", 1e-4);
        double end = config.number("beta_end", 0.02);
        if (count < 1) {
            throw config.wrong("num_train_timesteps", "at least 1");
        }
        if (!(start > 0 && start < 1)) {
            throw config.wrong("beta_start", "more than 0 and less than 1");
        }
        if (!(end > 0 && end < 1)) {
            throw config.wrong("beta_end", "more than 0 and less than 1");
        }
        return switch (config.text("beta_schedule", "linear")) {
            case "linear" -> linspace(start, end, count);
            case "scaled_linear" -> {
                float[] betas = linspace(Math.sqrt(start), Math.sqrt(end), count);
                for (int i = 0; i < count; i++) {
                    betas[i] *= betas[i];
                }
                yield betas;
            }
            case "squaredcos_cap_v2" -> squaredCosine(count);
            default -> throw config.wrong("beta_schedule", "linear, scaled_linear or squaredcos_cap_v2");
        };
    }

    private static float[] trainedBetas(SchedulerConfig config) {
        JsonNode values = config.json().get("trained_betas");
        float[] betas = new float[values.size()];
        for (int i = 0; i < betas.length; i++) {
            betas[i] = (float) values.get(i).asDouble(Double.NaN);
            if (!(betas[i] >= 0 && betas[i] <= 1)) {
                throw config.wrong("trained_betas", "a list of numbers from 0 to 1");
            }
        }
        if (betas.length == 0) {
            throw config.wrong("trained_betas", "a list of numbers from 0 to 1");
        }
        return betas;
    }

    /** Evenly spaced floats with both ends; counted from the nearer end and rounded once, as PyTorch does, so that both are exact. */
    private static float[] linspace(double start, double end, int count) {
        float from = (float) start;
        float to = (float) end;
        float step = count == 1 ? 0 : (to - from) / (count - 1);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = i < count / 2 || count == 1 ? Math.fma(step, i, from) : Math.fma(-step, count - 1 - i, to);
        }
        return values;
    }

    /** The cosine schedule of Nichol and Dhariwal 2021, equation 17. */
    private static float[] squaredCosine(int count) {
        float[] betas = new float[count];
        for (int i = 0; i < count; i++) {
            double before = squaredCosineAlphaBar((double) i / count);
            double after = squaredCosineAlphaBar((double) (i + 1) / count);
            betas[i] = (float) Math.min(1 - after / before, LARGEST_BETA);
        }
        return betas;
    }

    private static double squaredCosineAlphaBar(double time) {
        double cosine = Math.cos((time + 0.008) / 1.008 * Math.PI / 2);
        return cosine * cosine;
    }

    /** Shifts and scales sqrt(alphas_cumprod) so that it ends at 0 exactly and starts as before (Lin et al. 2023, algorithm 1). */
    private static float[] rescaleZeroTerminalSnr(float[] betas) {
        float[] root = cumulativeProduct(betas);
        for (int i = 0; i < root.length; i++) {
            root[i] = (float) Math.sqrt(root[i]);
        }
        float first = root[0];
        float last = root[root.length - 1];
        float scale = first / (first - last);
        float[] rescaled = new float[betas.length];
        float before = 1;
        for (int i = 0; i < betas.length; i++) {
            float shifted = (root[i] - last) * scale;
            float alphaBar = shifted * shifted;
            rescaled[i] = 1 - alphaBar / before;
            before = alphaBar;
        }
        return rescaled;
    }

    private static float[] cumulativeProduct(float[] betas) {
        float[] products = new float[betas.length];
        double product = 1;
        for (int i = 0; i < betas.length; i++) {
            product *= 1 - betas[i];
            products[i] = (float) product;
        }
        return products;
    }
}

package org.rekindle.worker.diffusion;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.IntFunction;
import org.rekindle.data.UserException;

/**
 * Pseudo linear multi-step (Liu et al. 2022, equations 9 and 12) without the Runge-Kutta start ({@code skip_prk_steps}), as every
 * Stable Diffusion uses it: the second timestep is visited twice instead, the second visit correcting the first step by the mean
 * of both predictions. Step for step as diffusers' {@code PNDMScheduler}.
 */
public final class PNDMScheduler implements Scheduler {

    private static final int ORDER = 4;

    private final NoiseSchedule schedule;
    private final int[] timesteps;
    private final int stride;
    private final double finalAlphaCumprod;

    /** The newest predictions, newest first, at most {@link #ORDER}. */
    private final Deque<float[]> predictions = new ArrayDeque<>();

    private float[] firstSample;

    private PNDMScheduler(NoiseSchedule schedule, int[] timesteps, int stride, double finalAlphaCumprod) {
        this.schedule = schedule;
        this.timesteps = timesteps;
        this.stride = stride;
        this.finalAlphaCumprod = finalAlphaCumprod;
    }

    /** Reads what {@link NoiseSchedule} reads, the spacing, {@code set_alpha_to_one} and {@code skip_prk_steps}. */
    static PNDMScheduler of(SchedulerConfig config, int numInferenceSteps) {
        if (!config.flag("skip_prk_steps", false)) {
            throw new UserException("scheduler config: skip_prk_steps is not true; PNDM with Runge-Kutta steps is not"
                    + " supported, set skip_prk_steps to true or pass scheduler=ddim");
        }
        // PNDM's formulas divide by alphas_cumprod, so diffusers' PNDM does not know the rescaling and ignores the key.
        NoiseSchedule schedule = NoiseSchedule.of(config.json().deepCopy().without("rescale_betas_zero_snr"));
        if (schedule.predictionType() == PredictionType.SAMPLE) {
            throw config.wrong("prediction_type", "epsilon or v_prediction for PNDM (scheduler=ddim knows sample)");
        }
        int[] spaced = TimestepSpacing.whole(config, schedule.numTrainTimesteps(), numInferenceSteps);
        double finalAlpha = config.flag("set_alpha_to_one", false) ? 1 : schedule.alphaCumprod(0);
        return new PNDMScheduler(
                schedule, secondTwice(spaced), schedule.numTrainTimesteps() / numInferenceSteps, finalAlpha);
    }

    @Override
    public float[] timesteps() {
        return TimestepSpacing.floats(timesteps);
    }

    @Override
    public float[] step(int index, float[] modelOutput, float[] sample, IntFunction<float[]> noise) {
        int timestep = timesteps[index];
        if (index == 1) {
            // The second visit: goes back to the first sample and takes the first step again.
            float[] mean = combine(0.5, modelOutput, 0.5, predictions.getFirst());
            float[] first = firstSample;
            firstSample = null;
            return transfer(first, mean, timestep + stride, timestep);
        }
        if (index == 0) {
            firstSample = sample;
        }
        predictions.addFirst(modelOutput);
        if (predictions.size() > ORDER) {
            predictions.removeLast();
        }
        return transfer(sample, extrapolated(), timestep, timestep - stride);
    }

    /** The Adams-Bashforth combination of the newest predictions, of the highest order they allow. */
    private float[] extrapolated() {
        List<float[]> e = new ArrayList<>(predictions);
        return switch (e.size()) {
            case 1 -> e.get(0);
            case 2 -> combine(3 / 2.0, e.get(0), -1 / 2.0, e.get(1));
            case 3 -> combine(1, combine(23 / 12.0, e.get(0), -16 / 12.0, e.get(1)), 5 / 12.0, e.get(2));
            default ->
                combine(
                        1,
                        combine(55 / 24.0, e.get(0), -59 / 24.0, e.get(1)),
                        1,
                        combine(37 / 24.0, e.get(2), -9 / 24.0, e.get(3)));
        };
    }

    private static float[] combine(double p, float[] a, double q, float[] b) {
        float[] sum = new float[a.length];
        for (int i = 0; i < sum.length; i++) {
            sum[i] = (float) (p * a[i] + q * b[i]);
        }
        return sum;
    }

    /** Equation 9: from {@code timestep} to {@code previous}. */
    private float[] transfer(float[] sample, float[] prediction, int timestep, int previous) {
        double alpha = alphaCumprod(timestep);
        double alphaPrevious = alphaCumprod(previous);
        double beta = 1 - alpha;
        double sampleWeight = Math.sqrt(alphaPrevious / alpha);
        double noiseWeight = (alphaPrevious - alpha)
                / (alpha * Math.sqrt(1 - alphaPrevious) + Math.sqrt(alpha * beta * alphaPrevious));
        if (schedule.predictionType() == PredictionType.V_PREDICTION) {
            // noise = sqrt(alpha) v + sqrt(beta) x
            sampleWeight -= noiseWeight * Math.sqrt(beta);
            noiseWeight *= Math.sqrt(alpha);
        }
        return combine(sampleWeight, sample, -noiseWeight, prediction);
    }

    private double alphaCumprod(int timestep) {
        return timestep >= 0 ? schedule.alphaCumprod(timestep) : finalAlphaCumprod;
    }

    private static int[] secondTwice(int[] spaced) {
        if (spaced.length == 1) {
            return spaced;
        }
        int[] timesteps = new int[spaced.length + 1];
        timesteps[0] = spaced[0];
        timesteps[1] = spaced[1];
        System.arraycopy(spaced, 1, timesteps, 2, spaced.length - 1);
        return timesteps;
    }
}

package org.rekindle.worker.diffusion;

import java.util.function.IntFunction;

/** Deterministic DDIM (Song et al. 2021, equation 12, with sigma 0), step for step as diffusers' {@code DDIMScheduler}. */
public final class DDIMScheduler implements Scheduler {

    private final NoiseSchedule schedule;
    private final int[] timesteps;
    private final double finalAlphaCumprod;
    private final float clipRange;

    private DDIMScheduler(NoiseSchedule schedule, int[] timesteps, double finalAlphaCumprod, float clipRange) {
        this.schedule = schedule;
        this.timesteps = timesteps;
        this.finalAlphaCumprod = finalAlphaCumprod;
        this.clipRange = clipRange;
    }

    /** Reads what {@link NoiseSchedule} reads, the spacing, {@code set_alpha_to_one} and {@code clip_sample}. */
    static DDIMScheduler of(SchedulerConfig config, int numInferenceSteps) {
        config.requireOff("thresholding");
        NoiseSchedule schedule = NoiseSchedule.of(config.json());
        int[] timesteps = TimestepSpacing.whole(config, schedule.numTrainTimesteps(), numInferenceSteps);
        schedule.requireSignalFor(config, timesteps[0]);
        double finalAlpha = config.flag("set_alpha_to_one", true) ? 1 : schedule.alphaCumprod(0);
        return new DDIMScheduler(schedule, timesteps, finalAlpha, clipRange(config));
    }

    /** How far the clean latents may lie from 0 ({@code clip_sample}). */
    static float clipRange(SchedulerConfig config) {
        return config.flag("clip_sample", true)
                ? (float) config.number("clip_sample_range", 1)
                : Float.POSITIVE_INFINITY;
    }

    @Override
    public float[] timesteps() {
        return TimestepSpacing.floats(timesteps);
    }

    @Override
    public float[] step(int index, float[] modelOutput, float[] sample, IntFunction<float[]> noise) {
        int timestep = timesteps[index];
        int previous = timestep - schedule.numTrainTimesteps() / timesteps.length;
        double alpha = schedule.alphaCumprod(timestep);
        double alphaPrevious = previous >= 0 ? schedule.alphaCumprod(previous) : finalAlphaCumprod;
        float rootAlpha = (float) Math.sqrt(alpha);
        float rootBeta = (float) Math.sqrt(1 - alpha);
        float rootAlphaPrevious = (float) Math.sqrt(alphaPrevious);
        float rootBetaPrevious = (float) Math.sqrt(1 - alphaPrevious);

        float[] result = new float[sample.length];
        for (int i = 0; i < result.length; i++) {
            float x = sample[i];
            float prediction = modelOutput[i];
            float original = schedule.predictionType().original(rootAlpha, rootBeta, x, prediction);
            float predictedNoise =
                    switch (schedule.predictionType()) {
                        case EPSILON -> prediction;
                        case SAMPLE -> (x - rootAlpha * prediction) / rootBeta;
                        case V_PREDICTION -> rootAlpha * prediction + rootBeta * x;
                    };
            original = Math.max(-clipRange, Math.min(clipRange, original));
            result[i] = rootAlphaPrevious * original + rootBetaPrevious * predictedNoise;
        }
        return result;
    }
}

package org.rekindle.worker.diffusion;

import com.fasterxml.jackson.databind.node.ObjectNode;

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
    public static DDIMScheduler of(ObjectNode schedulerConfig, int numInferenceSteps) {
        SchedulerConfig config = new SchedulerConfig(schedulerConfig);
        if (config.flag("thresholding", false)) {
            throw config.wrong("thresholding", "false (dynamic thresholding does not suit latents)");
        }
        NoiseSchedule schedule = NoiseSchedule.of(schedulerConfig);
        int[] timesteps = TimestepSpacing.timesteps(config, schedule.numTrainTimesteps(), numInferenceSteps);
        if (schedule.predictionType() == PredictionType.EPSILON && schedule.alphaCumprod(timesteps[0]) == 0) {
            throw config.wrong(
                    "rescale_betas_zero_snr",
                    "false with prediction_type epsilon, as the noise says nothing about the latents at timestep "
                            + timesteps[0]);
        }
        double finalAlpha = config.flag("set_alpha_to_one", true) ? 1 : schedule.alphaCumprod(0);
        float clipRange = config.flag("clip_sample", true)
                ? (float) config.number("clip_sample_range", 1)
                : Float.POSITIVE_INFINITY;
        return new DDIMScheduler(schedule, timesteps, finalAlpha, clipRange);
    }

    @Override
    public int[] timesteps() {
        return timesteps.clone();
    }

    @Override
    public float[] step(int index, float[] modelOutput, float[] sample) {
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
            float original;
            float noise;
            switch (schedule.predictionType()) {
                case EPSILON -> {
                    original = (x - rootBeta * prediction) / rootAlpha;
                    noise = prediction;
                }
                case SAMPLE -> {
                    original = prediction;
                    noise = (x - rootAlpha * prediction) / rootBeta;
                }
                default -> {
                    original = rootAlpha * x - rootBeta * prediction;
                    noise = rootAlpha * prediction + rootBeta * x;
                }
            }
            original = Math.max(-clipRange, Math.min(clipRange, original));
            result[i] = rootAlphaPrevious * original + rootBetaPrevious * noise;
        }
        return result;
    }
}

package org.rekindle.worker.diffusion;

import java.util.function.IntFunction;

/**
 * Ancestral sampling (Ho et al. 2020, equations 6, 7 and 15), generalised to fewer steps than the training's, step for step as
 * diffusers' {@code DDPMScheduler}.
 */
public final class DDPMScheduler implements Scheduler {

    private static final float SMALLEST_VARIANCE = 1e-20f;

    private final NoiseSchedule schedule;
    private final int[] timesteps;
    private final boolean largeVariance;
    private final float clipRange;

    private DDPMScheduler(NoiseSchedule schedule, int[] timesteps, boolean largeVariance, float clipRange) {
        this.schedule = schedule;
        this.timesteps = timesteps;
        this.largeVariance = largeVariance;
        this.clipRange = clipRange;
    }

    static DDPMScheduler of(SchedulerConfig config, int numInferenceSteps) {
        config.requireOff("thresholding");
        boolean large = config.choice("variance_type", "fixed_small", "fixed_small", "fixed_small_log", "fixed_large")
                .equals("fixed_large");
        NoiseSchedule schedule = NoiseSchedule.of(config.json());
        int[] timesteps = TimestepSpacing.whole(config, schedule.numTrainTimesteps(), numInferenceSteps);
        schedule.requireSignalFor(config, timesteps[0]);
        return new DDPMScheduler(schedule, timesteps, large, DDIMScheduler.clipRange(config));
    }

    @Override
    public float[] timesteps() {
        return TimestepSpacing.floats(timesteps);
    }

    @Override
    public float[] step(int index, float[] modelOutput, float[] sample, IntFunction<float[]> noise) {
        int timestep = timesteps[index];
        float alphaBar = (float) schedule.alphaCumprod(timestep);
        float alphaBarBefore = index + 1 < timesteps.length ? (float) schedule.alphaCumprod(timesteps[index + 1]) : 1;
        float betaBar = 1 - alphaBar;
        float alpha = alphaBar / alphaBarBefore;
        float beta = 1 - alpha;
        float originalWeight = SigmaSchedule.root(alphaBarBefore) * beta / betaBar;
        float sampleWeight = SigmaSchedule.root(alpha) * (1 - alphaBarBefore) / betaBar;
        float variance = Math.max((1 - alphaBarBefore) / betaBar * beta, SMALLEST_VARIANCE);
        float deviation = SigmaSchedule.root(largeVariance ? beta : variance);
        float rootAlphaBar = SigmaSchedule.root(alphaBar);
        float rootBetaBar = SigmaSchedule.root(betaBar);
        float[] fresh = timestep > 0 ? noise.apply(index) : null;

        float[] result = new float[sample.length];
        for (int i = 0; i < result.length; i++) {
            float original = schedule.predictionType().original(rootAlphaBar, rootBetaBar, sample[i], modelOutput[i]);
            original = Math.max(-clipRange, Math.min(clipRange, original));
            result[i] = originalWeight * original + sampleWeight * sample[i];
            if (fresh != null) {
                result[i] += deviation * fresh[i];
            }
        }
        return result;
    }
}

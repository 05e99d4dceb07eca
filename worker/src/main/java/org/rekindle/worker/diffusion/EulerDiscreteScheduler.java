package org.rekindle.worker.diffusion;

import java.util.function.IntFunction;

/**
 * Euler's method on the probability flow (Karras et al. 2022, algorithm 1 without the second order), step for step as diffusers'
 * {@code EulerDiscreteScheduler} without churn.
 */
public final class EulerDiscreteScheduler extends EulerScheduler {

    private EulerDiscreteScheduler(SchedulerConfig config, SigmaSchedule schedule, PredictionType predictionType) {
        super(config, schedule, predictionType);
    }

    static EulerDiscreteScheduler of(SchedulerConfig config, int numInferenceSteps) {
        config.requireOff("use_exponential_sigmas", "use_beta_sigmas");
        config.choice("interpolation_type", "linear", "linear");
        config.choice("timestep_type", "discrete", "discrete");
        NoiseSchedule noise = NoiseSchedule.of(config.json());
        float[] training = SigmaSchedule.training(noise);
        float[] timesteps = TimestepSpacing.fractional(config, noise.numTrainTimesteps(), numInferenceSteps);
        double[] sigmas = SigmaSchedule.at(timesteps, training);
        if (config.flag("use_karras_sigmas", false)) {
            sigmas = SigmaSchedule.karras(config, sigmas[0], sigmas[sigmas.length - 1], numInferenceSteps);
            for (int i = 0; i < timesteps.length; i++) {
                timesteps[i] = (float) SigmaSchedule.timestepOf(sigmas[i], training);
            }
        }
        SigmaSchedule schedule = SigmaSchedule.ending(config, timesteps, sigmas, training);
        return new EulerDiscreteScheduler(config, schedule, noise.predictionType());
    }

    @Override
    public float[] step(int index, float[] modelOutput, float[] sample, IntFunction<float[]> noise) {
        float sigma = schedule.sigmas()[index];
        float change = schedule.sigmas()[index + 1] - sigma;
        float[] result = new float[sample.length];
        for (int i = 0; i < result.length; i++) {
            float original = SigmaSchedule.original(predictionType, sigma, sample[i], modelOutput[i]);
            result[i] = sample[i] + (sample[i] - original) / sigma * change;
        }
        return result;
    }
}

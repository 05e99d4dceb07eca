package org.rekindle.worker.diffusion;

import java.util.function.IntFunction;

/**
 * Euler's method that goes further down than the step and adds fresh noise up to it: the ancestral sampling of DDPM in terms of noise
 * levels (Song et al. 2021, "Score-based generative modeling", appendix F), step for step as diffusers'
 * {@code EulerAncestralDiscreteScheduler}.
 */
public final class EulerAncestralDiscreteScheduler extends EulerScheduler {

    private EulerAncestralDiscreteScheduler(
            SchedulerConfig config, SigmaSchedule schedule, PredictionType predictionType) {
        super(config, schedule, predictionType);
    }

    static EulerAncestralDiscreteScheduler of(SchedulerConfig config, int numInferenceSteps) {
        NoiseSchedule noise = NoiseSchedule.of(config.json());
        if (noise.predictionType() == PredictionType.SAMPLE) {
            throw config.wrong("prediction_type", "epsilon or v_prediction for Euler ancestral");
        }
        float[] training = SigmaSchedule.training(noise);
        float[] timesteps = TimestepSpacing.fractional(config, noise.numTrainTimesteps(), numInferenceSteps);
        SigmaSchedule schedule = SigmaSchedule.ending(0, timesteps, SigmaSchedule.at(timesteps, training));
        return new EulerAncestralDiscreteScheduler(config, schedule, noise.predictionType());
    }

    @Override
    public float[] step(int index, float[] modelOutput, float[] sample, IntFunction<float[]> noise) {
        float from = schedule.sigmas()[index];
        float to = schedule.sigmas()[index + 1];
        float up = SigmaSchedule.root(to * to * (from * from - to * to) / (from * from));
        // Rounding may leave a little less than nothing where the step is very long.
        float down = SigmaSchedule.root(Math.max(0, to * to - up * up));
        float change = down - from;
        float[] fresh = noise.apply(index);
        float[] result = new float[sample.length];
        for (int i = 0; i < result.length; i++) {
            float original = SigmaSchedule.original(predictionType, from, sample[i], modelOutput[i]);
            result[i] = sample[i] + (sample[i] - original) / from * change + fresh[i] * up;
        }
        return result;
    }
}

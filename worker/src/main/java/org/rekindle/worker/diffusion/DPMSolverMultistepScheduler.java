package org.rekindle.worker.diffusion;

import java.util.function.IntFunction;

/**
 * DPM-Solver++ of first and second order, multistep (Lu et al. 2022, "DPM-Solver++", algorithm 2), step for step as diffusers'
 * {@code DPMSolverMultistepScheduler} with {@code algorithm_type} {@code dpmsolver++}.
 */
public final class DPMSolverMultistepScheduler implements Scheduler {

    /** From so many steps on the last ones keep their order. */
    private static final int MANY_STEPS = 15;

    private final SigmaSchedule schedule;
    private final PredictionType predictionType;
    private final boolean secondOrder;
    private final boolean midpoint;
    private final boolean lastOfFirstOrder;

    /** The clean latents that the step before saw; null at the first. */
    private float[] previousOriginal;

    private DPMSolverMultistepScheduler(
            SigmaSchedule schedule,
            PredictionType predictionType,
            boolean secondOrder,
            boolean midpoint,
            boolean lastOfFirstOrder) {
        this.schedule = schedule;
        this.predictionType = predictionType;
        this.secondOrder = secondOrder;
        this.midpoint = midpoint;
        this.lastOfFirstOrder = lastOfFirstOrder;
    }

    static DPMSolverMultistepScheduler of(SchedulerConfig config, int numInferenceSteps) {
        config.requireOff(
                "thresholding",
                "use_exponential_sigmas",
                "use_beta_sigmas",
                "use_lu_lambdas",
                "use_flow_sigmas",
                "use_dynamic_shifting");
        // deis, logrho, bh1 and bh2 stand in the configs of other solvers; diffusers replaces them by the defaults.
        config.choice("algorithm_type", "dpmsolver++", "dpmsolver++", "deis");
        boolean heun = config.choice("solver_type", "midpoint", "midpoint", "heun", "logrho", "bh1", "bh2")
                .equals("heun");
        int order = config.integer("solver_order", 2);
        if (order != 1 && order != 2) {
            throw config.wrong("solver_order", "1 or 2");
        }
        if (config.text("variance_type", "").startsWith("learned")) {
            throw config.wrong("variance_type", "a variance that is not learned");
        }
        NoiseSchedule noise = NoiseSchedule.of(config.json());
        SigmaSchedule schedule = schedule(config, noise, numInferenceSteps);
        boolean fewSteps = schedule.timesteps().length < MANY_STEPS;
        boolean lastOfFirstOrder = config.flag("euler_at_final", false)
                || config.flag("lower_order_final", true) && fewSteps
                || config.text("final_sigmas_type", "zero").equals("zero");
        return new DPMSolverMultistepScheduler(schedule, noise.predictionType(), order == 2, !heun, lastOfFirstOrder);
    }

    private static SigmaSchedule schedule(SchedulerConfig config, NoiseSchedule noise, int numInferenceSteps) {
        float[] training = SigmaSchedule.training(noise);
        float[] timesteps = TimestepSpacing.floats(TimestepSpacing.withoutZero(
                config, training.length, lastTimestep(config, training), numInferenceSteps));
        double[] sigmas = SigmaSchedule.at(timesteps, training);
        if (config.flag("use_karras_sigmas", false)) {
            boolean cosine = config.text("beta_schedule", "linear").equals("squaredcos_cap_v2");
            sigmas = SigmaSchedule.karras(config, training[training.length - 1], training[0], numInferenceSteps);
            timesteps = new float[sigmas.length];
            for (int i = 0; i < timesteps.length; i++) {
                double timestep = SigmaSchedule.timestepOf(sigmas[i], training);
                timesteps[i] = (float) (cosine ? Math.floor(timestep) : Math.rint(timestep));
            }
        }
        return SigmaSchedule.ending(config, timesteps, sigmas, training);
    }

    /** Leaves out the timesteps whose log signal-to-noise ratio is below {@code lambda_min_clipped}, as the cosine schedule needs. */
    private static int lastTimestep(SchedulerConfig config, float[] training) {
        double smallest = config.number("lambda_min_clipped", Double.NEGATIVE_INFINITY);
        int last = training.length;
        while (last > 0 && -Math.log(training[last - 1]) < smallest) {
            last--;
        }
        return last;
    }

    @Override
    public float[] timesteps() {
        return schedule.timesteps();
    }

    @Override
    public float[] step(int index, float[] modelOutput, float[] sample, IntFunction<float[]> noise) {
        float[] sigmas = schedule.sigmas();
        Level to = Level.of(sigmas[index + 1]);
        Level from = Level.of(sigmas[index]);
        float[] original = original(from, modelOutput, sample);
        float step = to.lambda - from.lambda;
        float sampleWeight = to.sigma / from.sigma;
        float decay = exp(-step) - 1;
        float originalWeight = to.alpha * decay;
        float[] result = new float[sample.length];
        boolean last = index == sigmas.length - 2;
        if (!secondOrder || previousOriginal == null || last && lastOfFirstOrder) {
            for (int i = 0; i < result.length; i++) {
                result[i] = sampleWeight * sample[i] - originalWeight * original[i];
            }
        } else {
            float previousStep = from.lambda - Level.of(sigmas[index - 1]).lambda;
            float slope = 1 / (previousStep / step);
            float changeWeight = midpoint ? -0.5f * originalWeight : to.alpha * (decay / step + 1);
            for (int i = 0; i < result.length; i++) {
                float change = slope * (original[i] - previousOriginal[i]);
                result[i] = sampleWeight * sample[i] - originalWeight * original[i] + changeWeight * change;
            }
        }
        previousOriginal = original;
        return result;
    }

    /** The clean latents that the prediction implies. */
    private float[] original(Level level, float[] prediction, float[] sample) {
        float[] original = new float[sample.length];
        for (int i = 0; i < original.length; i++) {
            original[i] = predictionType.original(level.alpha, level.sigma, sample[i], prediction[i]);
        }
        return original;
    }

    /** A noise level in variance-preserving terms: latents are alpha x0 + sigma noise, lambda is log(alpha / sigma). */
    private record Level(float alpha, float sigma, float lambda) {
        static Level of(float sigma) {
            float alpha = 1 / SigmaSchedule.root(sigma * sigma + 1);
            float scaled = sigma * alpha;
            return new Level(alpha, scaled, log(alpha) - log(scaled));
        }
    }

    private static float log(float value) {
        return (float) Math.log(value);
    }

    private static float exp(float value) {
        return (float) Math.exp(value);
    }
}

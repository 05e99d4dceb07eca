package org.rekindle.worker.diffusion;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;
import java.util.function.IntFunction;
import org.rekindle.data.UserException;

/**
 * The way back from noise to latents in a number of steps. One object serves one generation: it may remember earlier steps. Not safe
 * for several threads.
 */
public interface Scheduler {

    /** The timesteps that the model is asked for, in order; one may appear twice, and some schedulers ask for fractions. */
    float[] timesteps();

    /** The standard deviation that the noise to begin with must have. */
    default float initNoiseSigma() {
        return 1;
    }

    /**
     * What the model is to see of the latents.
     *
     * @param index which of {@link #timesteps}
     * @param sample the latents before the step, left as they are
     */
    default float[] scaleModelInput(int index, float[] sample) {
        return sample;
    }

    /**
     * Takes one step.
     *
     * @param index which of {@link #timesteps}, each once and in order
     * @param modelOutput the model's prediction at that timestep, after guidance
     * @param sample the latents before the step, of the same length as {@code modelOutput}
     * @param noise gives standard normal numbers of that length for a step's index; only stochastic schedulers ask for them
     * @return the latents after it, a new array
     */
    float[] step(int index, float[] modelOutput, float[] sample, IntFunction<float[]> noise);

    /**
     * Makes a scheduler, as diffusers' {@code XScheduler.from_config} does: each class reads its own keys, with its own defaults, and
     * leaves those of its relatives alone.
     *
     * @param schedulerConfig the pipeline's {@code scheduler_config.json}
     * @param name {@code ddpm}, {@code ddim}, {@code pndm}, {@code euler}, {@code euler_a} or {@code dpmsolver++}; null for the class
     *     the config names
     * @param numInferenceSteps steps of the generation
     * @throws UserException when the name, a key or a value is not supported, or the steps are more than the training's
     */
    static Scheduler of(ObjectNode schedulerConfig, String name, int numInferenceSteps) {
        SchedulerConfig config = new SchedulerConfig(schedulerConfig);
        config.requireKnownKeys();
        String className = name != null ? name : config.text("_class_name", "");
        return switch (className.toLowerCase(Locale.ROOT)) {
            case "ddpm", "ddpmscheduler" -> DDPMScheduler.of(config, numInferenceSteps);
            case "ddim", "ddimscheduler" -> DDIMScheduler.of(config, numInferenceSteps);
            case "pndm", "pndmscheduler" -> PNDMScheduler.of(config, numInferenceSteps);
            case "euler", "eulerdiscretescheduler" -> EulerDiscreteScheduler.of(config, numInferenceSteps);
            case "euler_a", "eulerancestraldiscretescheduler" ->
                EulerAncestralDiscreteScheduler.of(config, numInferenceSteps);
            case "dpmsolver++", "dpmsolvermultistepscheduler" ->
                DPMSolverMultistepScheduler.of(config, numInferenceSteps);
            default ->
                throw new UserException((name != null
                                ? "scheduler=" + name + " is not supported; choose "
                                : "scheduler config: _class_name \"" + className
                                        + "\" is not supported for generation; pass scheduler=")
                        + "ddpm, ddim, pndm, euler, euler_a or dpmsolver++");
        };
    }
}

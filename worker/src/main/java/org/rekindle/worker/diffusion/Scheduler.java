package org.rekindle.worker.diffusion;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;
import org.rekindle.data.UserException;

/**
 * The way back from noise to latents in a number of steps. One object serves one generation: it may remember earlier steps. Not safe
 * for several threads.
 */
public interface Scheduler {

    /** The timesteps that the model is asked for, in order; one may appear twice. */
    int[] timesteps();

    /**
     * Takes one step.
     *
     * @param index which of {@link #timesteps}, each once and in order
     * @param modelOutput the model's prediction at that timestep, after guidance
     * @param sample the latents before the step, of the same length as {@code modelOutput}
     * @return the latents after it, a new array
     */
    float[] step(int index, float[] modelOutput, float[] sample);

    /**
     * Makes a scheduler.
     *
     * @param config the pipeline's {@code scheduler_config.json}
     * @param name {@code ddim}, {@code pndm}, or null for the class the config names
     * @param numInferenceSteps steps of the generation
     * @throws UserException when the name or a config value is not supported, or the steps are more than the training's
     */
    static Scheduler of(ObjectNode config, String name, int numInferenceSteps) {
        String className = name != null ? name : config.path("_class_name").asText();
        return switch (className.toLowerCase(Locale.ROOT)) {
            case "ddim", "ddimscheduler" -> DDIMScheduler.of(config, numInferenceSteps);
            case "pndm", "pndmscheduler" -> PNDMScheduler.of(config, numInferenceSteps);
            default ->
                throw new UserException(
                        name != null
                                ? "scheduler=" + name + " is not supported; choose ddim or pndm"
                                : "scheduler config: _class_name \"" + className
                                        + "\" is not supported for generation; pass scheduler=ddim or scheduler=pndm");
        };
    }
}

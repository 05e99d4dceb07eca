package org.rekindle.worker.diffusion;

import org.rekindle.data.UserException;

/** Which of the training's timesteps a generation visits ({@code timestep_spacing}; Lin et al. 2023, table 2). */
final class TimestepSpacing {

    private TimestepSpacing() {}

    /**
     * The timesteps in descending order.
     *
     * @throws UserException when the spacing is unknown or the steps do not fit the training's
     */
    static int[] timesteps(SchedulerConfig config, int numTrainTimesteps, int numInferenceSteps) {
        if (numInferenceSteps < 1 || numInferenceSteps > numTrainTimesteps) {
            throw new UserException("num_inference_steps=" + numInferenceSteps + ": expected 1 to " + numTrainTimesteps
                    + ", the num_train_timesteps of the scheduler config");
        }
        int[] timesteps =
                switch (config.text("timestep_spacing", "leading")) {
                    case "leading" -> leading(numTrainTimesteps, numInferenceSteps, config.integer("steps_offset", 0));
                    case "linspace" -> linspace(numTrainTimesteps, numInferenceSteps);
                    case "trailing" -> trailing(numTrainTimesteps, numInferenceSteps);
                    default -> throw config.wrong("timestep_spacing", "leading, linspace or trailing");
                };
        if (timesteps[0] >= numTrainTimesteps || timesteps[timesteps.length - 1] < 0) {
            throw new UserException("num_inference_steps=" + numInferenceSteps + ": reaches timestep " + timesteps[0]
                    + ", beyond the " + numTrainTimesteps
                    + " of the scheduler config; take fewer steps or a smaller steps_offset");
        }
        return timesteps;
    }

    private static int[] leading(int numTrainTimesteps, int steps, int offset) {
        int ratio = numTrainTimesteps / steps;
        int[] timesteps = new int[steps];
        for (int i = 0; i < steps; i++) {
            timesteps[i] = (steps - 1 - i) * ratio + offset;
        }
        return timesteps;
    }

    private static int[] linspace(int numTrainTimesteps, int steps) {
        int[] timesteps = new int[steps];
        double gap = steps == 1 ? 0 : (numTrainTimesteps - 1) / (double) (steps - 1);
        for (int i = 0; i < steps; i++) {
            // rint rounds halves to even, as numpy does.
            timesteps[i] = (int) Math.rint((steps - 1 - i) * gap);
        }
        return timesteps;
    }

    private static int[] trailing(int numTrainTimesteps, int steps) {
        double ratio = (double) numTrainTimesteps / steps;
        int[] timesteps = new int[steps];
        for (int i = 0; i < steps; i++) {
            timesteps[i] = (int) Math.rint(numTrainTimesteps - i * ratio) - 1;
        }
        return timesteps;
    }
}

package org.rekindle.worker.diffusion;

import java.util.stream.IntStream;
import org.rekindle.data.UserException;

/**
 * Which of the training's timesteps a generation visits ({@code timestep_spacing}; Lin et al. 2023, table 2), in descending order.
 * diffusers' classes differ in default and rounding; each sort has its method here.
 *
 * <p>All throw {@link UserException} when the spacing is unknown or the steps do not fit the training's.
 */
final class TimestepSpacing {

    private TimestepSpacing() {}

    /** Whole timesteps, leading by default: DDPM, DDIM, PNDM. */
    static int[] whole(SchedulerConfig config, int numTrainTimesteps, int numInferenceSteps) {
        String spacing = config.text("timestep_spacing", "leading");
        double[] timesteps = spaced(config, spacing, numTrainTimesteps, numInferenceSteps);
        return rounded(timesteps);
    }

    /** Timesteps of which those of linspace, the default, keep their fractions: Euler, Euler ancestral. */
    static float[] fractional(SchedulerConfig config, int numTrainTimesteps, int numInferenceSteps) {
        String spacing = config.text("timestep_spacing", "linspace");
        double[] timesteps = spaced(config, spacing, numTrainTimesteps, numInferenceSteps);
        return spacing.equals("linspace") ? floats(timesteps) : floats(rounded(timesteps));
    }

    /**
     * Whole timesteps, linspace by default, that leave out the last of one step more, timestep 0: multistep DPM-Solver.
     *
     * @param lastTimestep where the noise begins: the training's number, or less where its end is clipped
     */
    static int[] withoutZero(SchedulerConfig config, int numTrainTimesteps, int lastTimestep, int numInferenceSteps) {
        String spacing = config.text("timestep_spacing", "linspace");
        checkSteps(numInferenceSteps, spacing.equals("trailing") ? numTrainTimesteps : lastTimestep - 1);
        int points = numInferenceSteps + 1;
        double[] timesteps =
                switch (spacing) {
                    case "leading" -> evenly(points, lastTimestep / points, offset(config));
                    case "linspace" -> evenly(points, (lastTimestep - 1) / (double) numInferenceSteps, 0);
                    case "trailing" -> trailing(lastTimestep, numTrainTimesteps, numInferenceSteps);
                    default -> throw unknown(config);
                };
        int[] rounded = rounded(timesteps);
        if (spacing.equals("trailing")) {
            return rounded;
        }
        checkRange(rounded[0], numTrainTimesteps, numInferenceSteps);
        return IntStream.of(rounded).limit(numInferenceSteps).toArray();
    }

    private static double[] spaced(SchedulerConfig config, String spacing, int numTrainTimesteps, int steps) {
        checkSteps(steps, numTrainTimesteps);
        double[] timesteps =
                switch (spacing) {
                    case "leading" -> evenly(steps, numTrainTimesteps / steps, offset(config));
                    case "linspace" ->
                        evenly(steps, steps == 1 ? 0 : (numTrainTimesteps - 1) / (double) (steps - 1), 0);
                    case "trailing" -> trailing(numTrainTimesteps, numTrainTimesteps, steps);
                    default -> throw unknown(config);
                };
        checkRange(timesteps[0], numTrainTimesteps, steps);
        return timesteps;
    }

    private static int offset(SchedulerConfig config) {
        int offset = config.integer("steps_offset", 0);
        if (offset < 0) {
            throw config.wrong("steps_offset", "0 or more");
        }
        return offset;
    }

    private static void checkSteps(int steps, int most) {
        if (steps < 1 || steps > most) {
            throw new UserException("num_inference_steps=" + steps + ": expected 1 to " + most
                    + ", as many as the num_train_timesteps of the scheduler config allow");
        }
    }

    private static void checkRange(double first, int numTrainTimesteps, int steps) {
        if (Math.rint(first) >= numTrainTimesteps) {
            throw new UserException("num_inference_steps=" + steps + ": reaches timestep " + (int) Math.rint(first)
                    + ", beyond the " + numTrainTimesteps
                    + " of the scheduler config; take fewer steps or a smaller steps_offset");
        }
    }

    private static UserException unknown(SchedulerConfig config) {
        return config.wrong("timestep_spacing", "leading, linspace or trailing");
    }

    private static double[] evenly(int count, double gap, int offset) {
        return IntStream.range(0, count)
                .mapToDouble(i -> (count - 1 - i) * gap + offset)
                .toArray();
    }

    /** As numpy's {@code arange(last, 0, -training / steps) - 1}, down to how it rounds the gap, which decides halves. */
    private static double[] trailing(int last, int numTrainTimesteps, int steps) {
        double ratio = (double) numTrainTimesteps / steps;
        double gap = (last - ratio) - last;
        int count = Math.min(steps, (int) Math.ceil(last / ratio));
        return IntStream.range(0, count)
                .mapToDouble(i -> Math.rint(last + i * gap) - 1)
                .toArray();
    }

    /** Rounds halves to even, as numpy does. */
    private static int[] rounded(double[] timesteps) {
        int[] rounded = new int[timesteps.length];
        for (int i = 0; i < rounded.length; i++) {
            rounded[i] = (int) Math.rint(timesteps[i]);
        }
        return rounded;
    }

    private static float[] floats(double[] timesteps) {
        float[] floats = new float[timesteps.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) timesteps[i];
        }
        return floats;
    }

    static float[] floats(int[] timesteps) {
        float[] floats = new float[timesteps.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = timesteps[i];
        }
        return floats;
    }
}

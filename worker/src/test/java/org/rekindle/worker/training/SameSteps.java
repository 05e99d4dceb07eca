package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.function.BiFunction;
import org.assertj.core.data.Percentage;

/**
 * Optimizer steps with the data of steps that Python took.
 *
 * @param normTolerance of the gradient norms, relative; that of the losses is 1e-4
 */
record SameSteps(NDManager manager, Optimizer optimizer, double normTolerance) {

    private static final double LOSS = 1e-4;

    /**
     * Takes as many steps as Python took and compares loss and gradient norm of each.
     *
     * @param prefix of the tensors {@code losses} and {@code norms}
     * @param accumulate adds a step's gradients and returns its loss
     */
    void assertEqual(TrainingGoldens goldens, String prefix, BiFunction<NDManager, Integer, NDArray> accumulate) {
        float[] losses = goldens.floats(prefix + "losses");
        float[] norms = goldens.floats(prefix + "norms");
        for (int step = 0; step < losses.length; step++) {
            double[] measured = take(step, accumulate);
            assertThat(measured[0]).as("loss of step %d", step).isCloseTo(losses[step], within(LOSS));
            assertThat(measured[1]).as("gradient norm of step %d", step).isCloseTo(norms[step], within(normTolerance));
        }
    }

    /** Takes one step; returns its loss and its gradient norm before clipping. */
    double[] take(int step, BiFunction<NDManager, Integer, NDArray> accumulate) {
        try (NDManager scope = manager.newSubManager()) {
            NDArray loss = accumulate.apply(scope, step);
            NDArray measured = optimizer.measure(scope, List.of(loss));
            optimizer.update(measured, TrainingGoldens.LEARNING_RATE.at(step));
            optimizer.average();
            optimizer.zeroGradients();
            return measured.toDoubleArray();
        }
    }

    /** Adds the gradients of a denoising step. */
    static NDArray accumulate(NDManager scope, TrainingGoldens goldens, DenoisingLoss loss, int step) {
        return loss.accumulate(
                scope,
                goldens.array(scope, "latents", step),
                Noise.of(goldens.array(scope, "noise", step)),
                goldens.timesteps(step),
                goldens.array(scope, "states", step),
                1,
                null);
    }

    private static Percentage within(double tolerance) {
        return Percentage.withPercentage(100 * tolerance);
    }
}

package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.config.ValidationConfig;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.lanes.HeldOutExamples;
import org.rekindle.worker.torchscript.Torch;

/**
 * The loss of the raw weights on examples that are not trained on, with the same timesteps and noise every time ({@link HeldOutDraws}).
 * It draws from nothing that the training draws from.
 *
 * @param every optimizer steps between validations
 */
record Validation(HeldOutExamples examples, int every, long seed) {

    /**
     * Opens the section {@code validation} of a configuration.
     *
     * @return null where it is off
     * @throws org.rekindle.data.UserException when the shards are missing or hold nothing to use
     */
    static Validation of(RunConfig config) {
        ValidationConfig validation = config.validation();
        if (!validation.isOn()) {
            return null;
        }
        HeldOutExamples examples = new HeldOutExamples(
                DataSet.open(config.dataset(), "validation.path", validation.path()), validation.numExamples());
        return new Validation(examples, validation.every(), config.system().seed());
    }

    boolean isDue(long step) {
        return step % every == 0;
    }

    /** The mean over the examples. */
    double loss(NDManager manager, Objective objective) {
        double[] sum = new double[1];
        int count = examples.read((first, batch) -> {
            try (NDManager scope = manager.newSubManager()) {
                Draws draws = new HeldOutDraws(seed, first, batch.size());
                NDArray mean = Torch.noGrad(() -> objective.evaluate(scope, batch, draws));
                sum[0] += (double) mean.toFloatArray()[0] * batch.size();
            }
        });
        return sum[0] / count;
    }
}

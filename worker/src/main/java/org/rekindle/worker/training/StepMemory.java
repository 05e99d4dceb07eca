package org.rekindle.worker.training;

/**
 * Bytes on a worker's device, by part. All but activations are fp32 and live as long as the run.
 *
 * @param weights of the trained component
 * @param frozen weights of the models that encode on line
 * @param gradients of all parameters
 * @param moments both of AdamW, of the parameters that the worker owns
 * @param averages of the weights that the worker owns; 0 without EMA
 * @param activations of one lane at their peak, an estimate
 */
public record StepMemory(long weights, long frozen, long gradients, long moments, long averages, long activations) {

    /**
     * Of parameters in number.
     *
     * @param trained parameters of the trained component
     * @param owned those whose optimizer state the worker keeps; all of them unless {@code distributed.shard_optimizer}
     * @param frozen parameters of the models that encode on line
     */
    static StepMemory of(long trained, long owned, long frozen, boolean useEma, long activations) {
        return new StepMemory(
                Float.BYTES * trained,
                Float.BYTES * frozen,
                Float.BYTES * trained,
                2 * Float.BYTES * owned,
                useEma ? Float.BYTES * owned : 0,
                activations);
    }

    public long total() {
        return weights + frozen + gradients + moments + averages + activations;
    }
}

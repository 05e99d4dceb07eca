package org.rekindle.worker.training;

/**
 * Floating-point operations of a training step, two for each multiply-accumulate.
 *
 * <p>A backward pass takes twice the forward's: a product has two gradients, by its input and by its weights, each a product of the same
 * size (Kaplan et al. 2020, arXiv:2001.08361, section 2.1). Recomputing activations is one more forward pass (Chen et al. 2016,
 * arXiv:1604.06174), so 4 in place of 3. Frozen models go forward alone.
 *
 * @param trainedMacs multiply-accumulates of the trained component's forward pass, for one example
 * @param frozenMacs of the frozen models that run on line, for one example
 * @param checkpointing whether {@code model.gradient_checkpointing} is true
 */
public record StepFlops(long trainedMacs, long frozenMacs, boolean checkpointing) {

    /** Forward passes that forward, backward and recomputation amount to. */
    public int passes() {
        return checkpointing ? 4 : 3;
    }

    public double perExample() {
        return 2.0 * (passes() * (double) trainedMacs + frozenMacs);
    }
}

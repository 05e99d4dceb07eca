package org.rekindle.worker.training;

/** What a training step does, in the order of its work. */
public enum Stage {
    /** Waiting for a batch. */
    DATA,
    /** The frozen encoders. */
    ENCODE,
    /** Noise, the trained component and its loss. */
    FORWARD,
    /** The gradients, and what is computed again for them. */
    BACKWARD,
    /** Summing the gradients of several workers. */
    ALL_REDUCE,
    /** Gradient norm, clipping and AdamW. */
    OPTIMIZER,
    /** The average of the weights. */
    EMA
}

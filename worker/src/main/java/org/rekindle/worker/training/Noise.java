package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;

/**
 * The noise of a batch, of the latents' shape (batch, channels, height, width).
 *
 * @param input what is mixed into the model's input
 * @param target what the model's target is made of
 */
record Noise(NDArray input, NDArray target) {

    /** The usual noise, the same on both sides. */
    static Noise of(NDArray noise) {
        return new Noise(noise, noise);
    }
}

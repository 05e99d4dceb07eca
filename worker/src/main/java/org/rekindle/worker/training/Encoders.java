package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.rekindle.data.lanes.LaneBatch;

/** The frozen side of the training: latents and text states of a batch, recorded by no gradient. */
interface Encoders extends AutoCloseable {

    /** Returns latents of shape (N, C, h, w), drawn from the autoencoder's posterior and scaled. */
    NDArray latents(NDManager scope, LaneBatch batch, Draws draws);

    /** Returns encoder_hidden_states of shape (N, L, D). */
    NDArray states(NDManager scope, LaneBatch batch);

    @Override
    void close();
}

package org.rekindle.worker.training;

/** What chance decides for a batch, drawn on the host. Each purpose has its own stream, and asking twice gives the same numbers. */
interface Draws {

    /** Purposes. */
    String NOISE = "noise";

    String TIMESTEPS = "timesteps";
    String LATENTS = "latents";
    String NOISE_OFFSET = "noise offset";
    String INPUT_PERTURBATION = "input perturbation";

    /** Returns {@code count} draws of the standard normal distribution, as many for each example of the batch. */
    float[] normal(String purpose, int count);

    /** Returns {@code count} draws, one an example, uniform over 0..bound-1. */
    int[] uniform(String purpose, int count, int bound);
}

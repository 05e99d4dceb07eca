package org.rekindle.coordinator.steps;

/**
 * What of the configuration steers the steps.
 *
 * @param lanes lanes of the run
 * @param totalSteps optimizer steps of the whole run
 * @param saveEvery optimizer steps between checkpoints
 * @param workers how many must have joined before the first generation forms; later ones form with whoever is there
 */
public record RunPlan(int lanes, long totalSteps, long saveEvery, int workers) {

    /** Skipped steps in a row that end a run: a model whose loss has been NaN for so long does not come back by itself. */
    public static final int MAX_SKIPPED_STEPS = 10;

    public RunPlan {
        if (lanes < 1 || saveEvery < 1 || workers < 1) {
            throw new IllegalArgumentException(
                    "lanes %d, saveEvery %d and workers %d must be at least 1".formatted(lanes, saveEvery, workers));
        }
    }
}

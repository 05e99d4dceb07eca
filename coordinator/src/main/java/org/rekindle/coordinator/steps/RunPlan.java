package org.rekindle.coordinator.steps;

/**
 * What of the configuration steers the steps.
 *
 * @param lanes lanes of the run
 * @param totalSteps optimizer steps of the whole run
 * @param saveEvery optimizer steps between checkpoints
 * @param workers who may compute
 * @param maxSkippedSteps skipped steps in a row that take the run back to its newest checkpoint
 * @param shared whether each worker holds a part of the state only: a generation of other workers then begins at a checkpoint
 */
public record RunPlan(
        int lanes, long totalSteps, long saveEvery, Workers workers, int maxSkippedSteps, boolean shared) {

    /**
     * Bounds of the number of workers.
     *
     * @param first how many the first generation waits for, for a while
     * @param min fewer do not compute, they wait for others
     * @param max more wait as spares
     */
    public record Workers(int first, int min, int max) {

        public Workers {
            if (first < 1 || min < 1 || max < min) {
                throw new IllegalArgumentException("workers: first %d, min %d, max %d".formatted(first, min, max));
            }
        }
    }

    public RunPlan {
        if (lanes < 1 || saveEvery < 1 || maxSkippedSteps < 1) {
            throw new IllegalArgumentException("lanes %d, saveEvery %d and maxSkippedSteps %d must be at least 1"
                    .formatted(lanes, saveEvery, maxSkippedSteps));
        }
    }

    /** The same run, whose next generation waits for so many workers. */
    RunPlan startingWith(int first) {
        return new RunPlan(
                lanes,
                totalSteps,
                saveEvery,
                new Workers(first, workers.min(), workers.max()),
                maxSkippedSteps,
                shared);
    }

    /** A run of any number of workers, which starts when the first {@code workers} are there. */
    public RunPlan(int lanes, long totalSteps, long saveEvery, int workers) {
        this(lanes, totalSteps, saveEvery, new Workers(workers, 1, Integer.MAX_VALUE), 10, false);
    }
}

package org.rekindle.coordinator.membership;

import java.util.stream.IntStream;

/**
 * How a run's lanes share out among its workers, and what the loss of one would cost. A worker computes its lanes one after the other, a
 * round each, so a step takes as many rounds as the worker with most lanes has.
 *
 * @param lanes lanes of the run
 * @param workers who compute; no more than lanes
 */
public record LaneShares(int lanes, int workers) {

    /** The part of all workers' time that may pass in waiting for the last round before more lanes are advised. */
    private static final double IDLE = 0.2;

    /** @param max {@code system.max_workers}; null for as many as there are lanes */
    public static LaneShares of(int lanes, int workers, Integer max) {
        return new LaneShares(lanes, Math.min(Math.min(workers, lanes), max == null ? lanes : max));
    }

    /** Lanes of the worker that has most. */
    public int rounds() {
        return rounds(workers);
    }

    /** Rounds of a step when one worker is gone; there are at least two. */
    public int roundsWithoutOne() {
        return rounds(workers - 1);
    }

    private int rounds(int among) {
        return generation(among).lanesOf(0).size();
    }

    /** Lanes of the worker that has least. */
    public int least() {
        return generation(workers).lanesOf(workers - 1).size();
    }

    private Generation<Integer> generation(int among) {
        return new Generation<>(0, IntStream.range(0, among).boxed().toList(), lanes);
    }

    /** The fewest workers who take as few rounds for a step as all but one do. */
    public int asSlowAs() {
        return (lanes + roundsWithoutOne() - 1) / roundsWithoutOne();
    }

    /** Whether the loss of a worker leaves more than a fifth of the others' time unused. */
    public boolean isLossDear() {
        return workers > 1 && idle(roundsWithoutOne(), workers - 1) > IDLE;
    }

    private double idle(int rounds, int among) {
        return 1 - (double) lanes / ((long) rounds * among);
    }

    /**
     * The fewest lanes of the same global batch that make the loss of a worker cheap.
     *
     * @param batchSize examples per lane
     * @return 0 where no smaller batch per lane divides it
     */
    public int cheaper(int batchSize) {
        return IntStream.rangeClosed(2, batchSize)
                .filter(factor -> batchSize % factor == 0)
                .map(factor -> lanes * factor)
                .filter(more -> !new LaneShares(more, workers).isLossDear())
                .findFirst()
                .orElse(0);
    }
}

package org.rekindle.coordinator.membership;

import java.util.ArrayList;
import java.util.List;

/**
 * One composition of the run: who computes which lanes until somebody leaves or joins. Immutable.
 *
 * @param number grows by one with every composition; messages of older ones are ignored
 * @param ranks the members; a member's index is its rank
 * @param lanes lanes of the run
 * @param <W> what identifies a worker
 */
public record Generation<W>(long number, List<W> ranks, int lanes) {

    public Generation {
        ranks = List.copyOf(ranks);
    }

    /** The lanes of one rank: rank, rank + W, rank + 2W... for W ranks, so that two ranks never differ by more than one lane. */
    public List<Integer> lanesOf(int rank) {
        List<Integer> owned = new ArrayList<>();
        for (int lane = rank; lane < lanes; lane += ranks.size()) {
            owned.add(lane);
        }
        return owned;
    }
}

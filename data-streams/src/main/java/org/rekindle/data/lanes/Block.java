package org.rekindle.data.lanes;

import java.util.List;

/**
 * One block of a lane's shuffle.
 *
 * @param examples in the order of the batches
 * @param start cursor of the block's first example that is not consumed
 * @param end cursor of the next block, or of the next epoch's start
 * @param skips shard ranges that were given up within it
 */
record Block(List<Accepted> examples, LaneCursor start, LaneCursor end, List<LaneCursor.Skip> skips) {

    /** Returns whether the epoch ends behind this block. */
    boolean endsEpoch() {
        return end.epoch() > start.epoch();
    }

    /** Returns where the lane stands once the example at {@code index} is consumed. */
    LaneCursor after(int index) {
        if (index == examples.size() - 1) {
            return end;
        }
        return new LaneCursor(
                start.epoch(), start.position(), start.example(), start.block(), index + 1, start.carried(), skips);
    }
}

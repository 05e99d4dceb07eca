package org.rekindle.data.lanes;

/**
 * Where a lane stands: everything needed to go on at the next example, re-reading one block at most.
 *
 * @param epoch how often the lane has walked its share of the shards before
 * @param position which of its shard ranges of this epoch the current block begins in, from 0
 * @param example index in that range of the block's first example, counted in the tar's order before any filter
 * @param block number of the current block in this epoch, from 0; keys the block's permutation
 * @param offset examples of the permuted block that are consumed
 */
public record LaneCursor(long epoch, int position, long example, long block, int offset) {

    public static final LaneCursor START = new LaneCursor(0, 0, 0, 0, 0);
}

package org.rekindle.data.lanes;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/**
 * Where a lane stands: everything needed to go on at the next example, re-reading one block at most.
 *
 * @param epoch how often the lane has walked its share of the shards before
 * @param position which of its shard ranges of this epoch the current block begins in, from 0
 * @param example index in that range of the block's first example, counted in the tar's order before any filter
 * @param block number of the current block in this epoch, from 0; keys the block's permutation
 * @param offset examples of the permuted block that are consumed
 * @param carried examples that the blocks before leave to the first batch of this one, of which the order of buckets depends; 0
 *     without buckets
 * @param skips shard ranges that were given up within this block; whoever reads it again gives them up at the same place
 */
public record LaneCursor(
        long epoch,
        int position,
        long example,
        long block,
        int offset,
        @JsonInclude(JsonInclude.Include.NON_DEFAULT) int carried,
        @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Skip> skips) {

    public static final LaneCursor START = new LaneCursor(0, 0, 0, 0, 0);

    /**
     * A shard range that was given up before its end.
     *
     * @param position which of the lane's ranges of this epoch
     * @param example index in the range of the first example that was not read
     * @param why names the shard, the member and the byte
     */
    public record Skip(int position, long example, String why) {}

    @JsonCreator
    public LaneCursor(
            @JsonProperty("epoch") long epoch,
            @JsonProperty("position") int position,
            @JsonProperty("example") long example,
            @JsonProperty("block") long block,
            @JsonProperty("offset") int offset,
            @JsonProperty("carried") int carried,
            @JsonProperty("skips") List<Skip> skips) {
        this.epoch = epoch;
        this.position = position;
        this.example = example;
        this.block = block;
        this.offset = offset;
        this.carried = carried;
        this.skips = skips == null ? List.of() : List.copyOf(skips);
    }

    /** A place in a block that nothing was given up in, without buckets. */
    public LaneCursor(long epoch, int position, long example, long block, int offset) {
        this(epoch, position, example, block, offset, 0, List.of());
    }

    /**
     * Whether this place is one that the lane comes to later: the examples of its walk from the other one to here, of which filters turn
     * some away, are then at least one. Where an epoch or a block ends depends on the shards and is not looked at.
     */
    public boolean isBehind(LaneCursor other) {
        if (epoch != other.epoch) {
            return epoch > other.epoch;
        } else if (block != other.block) {
            return block > other.block
                    && (position > other.position || position == other.position && example > other.example);
        }
        return position == other.position
                && example == other.example
                && carried == other.carried
                && offset > other.offset
                && (other.offset == 0 || skips.equals(other.skips));
    }

    /** The place in words, for messages. */
    public String describe() {
        return "(epoch %d, shard range %d, example %d, block %d, offset %d)"
                .formatted(epoch, position, example, block, offset);
    }
}

package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.List;
import org.apache.commons.rng.sampling.ListSampler;
import org.rekindle.data.KeyedRandom;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.WebDatasetReader;

/**
 * Reads one lane block by block, endlessly: accepted examples of the lane's ranges, {@code shuffleBuffer} at a time, each block permuted
 * by a generator keyed by (seed, lane, epoch, block). Blocks run across ranges but not across epochs; the last of an epoch is shorter,
 * possibly empty. One thread.
 */
final class BlockReader implements AutoCloseable {

    private final LanePlan plan;
    private final int lane;
    private final int shuffleBuffer;
    private final Acceptance acceptance;

    private LaneCursor start;
    private List<ShardRange> walk;
    private int position;
    private long example;
    private WebDatasetReader reader;

    BlockReader(LanePlan plan, int lane, LaneCursor from, int shuffleBuffer, Acceptance acceptance) {
        this.plan = plan;
        this.lane = lane;
        this.shuffleBuffer = shuffleBuffer;
        this.acceptance = acceptance;
        this.start = from;
        this.position = from.position();
        this.example = from.example();
        this.walk = plan.walk(lane, from.epoch());
    }

    /**
     * Reads the next block.
     *
     * @throws UserException when a shard cannot be read, or is no longer what it was when the cursor was taken
     */
    Block next() {
        List<Example> examples = new ArrayList<>();
        while (examples.size() < shuffleBuffer && position < walk.size()) {
            Example next = nextOfRange();
            if (next != null && acceptance.accepts(next)) {
                examples.add(next);
            }
        }
        boolean endsEpoch = examples.size() < shuffleBuffer;
        LaneCursor end = endsEpoch
                ? new LaneCursor(start.epoch() + 1, 0, 0, 0, 0)
                : new LaneCursor(start.epoch(), position, example, start.block() + 1, 0);
        if (start.offset() > examples.size()) {
            throw new UserException("lane " + lane + " cannot go on at example " + start.offset() + " of a block of "
                    + examples.size() + ": the shards, filters or shuffle_buffer changed since the checkpoint;"
                    + " restore them or start a new run");
        }
        ListSampler.shuffle(KeyedRandom.of(plan.seed(), "block", lane, start.epoch(), start.block()), examples);
        Block block = new Block(examples, start, end, start.offset());
        if (endsEpoch) {
            position = 0;
            example = 0;
            walk = plan.walk(lane, end.epoch());
        }
        start = end;
        return block;
    }

    /** Returns the next example of the current range; null at its end, from where the next range goes on. */
    private Example nextOfRange() {
        ShardRange range = walk.get(position);
        if (reader == null) {
            long first = example;
            reader = WebDatasetReader.open(
                    range.shard(),
                    index -> range.contains(index) && index / range.modulus() >= first,
                    acceptance.counters());
        }
        Example next = reader.next();
        if (next == null) {
            close();
            position++;
            example = 0;
        } else {
            example = next.index() / range.modulus() + 1;
        }
        return next;
    }

    @Override
    public void close() {
        if (reader != null) {
            reader.close();
            reader = null;
        }
    }
}

package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.apache.commons.rng.UniformRandomProvider;
import org.apache.commons.rng.sampling.ListSampler;
import org.rekindle.data.KeyedRandom;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleFormat;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ShardFailure;

/**
 * Reads one lane block by block, endlessly: accepted examples of the lane's ranges, {@code shuffleBuffer} at a time, each block permuted
 * by a generator keyed by (seed, lane, epoch, block). Blocks run across ranges but not across epochs; the last of an epoch is shorter,
 * possibly empty. One thread; any other may {@link #abort}.
 */
final class BlockReader implements AutoCloseable {

    private final LanePlan plan;
    private final ExampleFormat format;
    private final int lane;
    private final int shuffleBuffer;
    private final int batchSize;
    private final Buckets buckets;
    private final Acceptance acceptance;
    private final ShardErrors errors;

    private LaneCursor start;
    private List<ShardRange> walk;
    private int position;
    private long example;
    private List<LaneCursor.Skip> skips = new ArrayList<>();
    private volatile ExampleReader reader;

    /** The thread within {@link #next}; guarded by this, as is {@link #aborted}. */
    private Thread reading;

    private boolean aborted;

    BlockReader(DataSet dataSet, LanePlan plan, int lane, LaneCursor from, Acceptance acceptance) {
        this.plan = plan;
        this.format = dataSet.format();
        this.lane = lane;
        this.shuffleBuffer = dataSet.params().shuffleBuffer();
        this.batchSize = dataSet.params().batchSize();
        this.buckets = acceptance.buckets();
        this.acceptance = acceptance;
        this.errors = new ShardErrors(dataSet.params().onShardError());
        this.start = from;
        this.position = from.position();
        this.example = from.example();
        this.walk = plan.walk(lane, from.epoch());
    }

    /**
     * Reads the next block.
     *
     * @throws UserException when a shard cannot be read and is not to be skipped, is no longer what it was when the cursor was taken,
     *     or when nothing passes the filters for too long
     * @throws CancellationException when it was aborted
     */
    Block next() {
        begin();
        try {
            return block();
        } finally {
            end();
        }
    }

    private synchronized void begin() {
        requireOpen();
        reading = Thread.currentThread();
    }

    private synchronized void end() {
        reading = null;
        // The thread is the dispatcher's: what abort did to it must not strike whatever runs there next.
        Thread.interrupted();
    }

    private synchronized void requireOpen() {
        if (aborted) {
            throw new CancellationException("lane " + lane + " is closed");
        }
    }

    private Block block() {
        long since = System.nanoTime();
        List<Accepted> examples = new ArrayList<>();
        skips = new ArrayList<>();
        while (examples.size() < shuffleBuffer && position < walk.size()) {
            nextOfRange().ifPresent(examples::add);
        }
        boolean endsEpoch = examples.size() < shuffleBuffer;
        LaneCursor end = endsEpoch
                ? new LaneCursor(start.epoch() + 1, 0, 0, 0, 0, carried(examples.size()), List.of())
                : new LaneCursor(
                        start.epoch(), position, example, start.block() + 1, 0, carried(examples.size()), List.of());
        if (start.offset() > examples.size()) {
            throw new UserException("lane " + lane + " cannot go on at example " + start.offset() + " of a block of "
                    + examples.size() + ": the shards, filters or shuffle_buffer changed since the checkpoint;"
                    + " restore them or start a new run");
        }
        Block block = new Block(ordered(examples), start, end, List.copyOf(skips));
        if (endsEpoch) {
            position = 0;
            example = 0;
            walk = plan.walk(lane, end.epoch());
        }
        acceptance.counters().block(examples.size() - start.offset(), since);
        start = end;
        return block;
    }

    private List<Accepted> ordered(List<Accepted> examples) {
        ListSampler.shuffle(random("block"), examples);
        return buckets.areMany() ? BucketOrder.of(examples, start.carried(), batchSize, random("buckets")) : examples;
    }

    private UniformRandomProvider random(String purpose) {
        return KeyedRandom.of(plan.seed(), purpose, lane, start.epoch(), start.block());
    }

    private int carried(int examples) {
        return buckets.areMany() ? (start.carried() + examples) % batchSize : 0;
    }

    /**
     * Returns the next example of the current range; nothing where it is turned away, and at the range's end, from where the next range
     * goes on.
     */
    private Optional<Accepted> nextOfRange() {
        ShardRange range = walk.get(position);
        Optional<LaneCursor.Skip> known = start.skips().stream()
                .filter(skip -> skip.position() == position)
                .findFirst();
        if (known.isPresent() && example >= known.get().example()) {
            return skip(known.get());
        }
        try {
            if (reader == null) {
                open(range, example);
            }
            Example next = reader.next();
            if (next == null) {
                nextRange();
                return Optional.empty();
            }
            // Its image may still be with the store: it counts as read when it is kept.
            Optional<Accepted> accepted = acceptance.accepted(next);
            example = next.index() / range.modulus() + 1;
            return accepted;
        } catch (ShardFailure failure) {
            requireOpen();
            if (known.isPresent() || !errors.skips(failure)) {
                throw ShardErrors.stopped(failure);
            }
            acceptance.counters().skippedShard(range.shard().name(), failure.getMessage());
            return skip(new LaneCursor.Skip(position, example, failure.getMessage()));
        }
    }

    private Optional<Accepted> skip(LaneCursor.Skip skip) {
        skips.add(skip);
        nextRange();
        return Optional.empty();
    }

    private void nextRange() {
        close();
        position++;
        example = 0;
    }

    private void open(ShardRange range, long from) {
        reader = format.open(
                range.shard(),
                index -> range.contains(index) && index / range.modulus() >= from,
                from * range.modulus(),
                acceptance.counters());
    }

    /** Ends a wait for bytes in another thread. */
    void abort() {
        synchronized (this) {
            aborted = true;
            if (reading != null) {
                reading.interrupt();
            }
        }
        ExampleReader waiting = reader;
        if (waiting != null) {
            waiting.close();
        }
    }

    @Override
    public void close() {
        if (reader != null) {
            reader.close();
            reader = null;
        }
    }
}

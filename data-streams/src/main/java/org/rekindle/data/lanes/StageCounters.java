package org.rekindle.data.lanes;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.rekindle.data.filters.MetadataFilter;
import org.rekindle.data.formats.ReadListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The running counts behind {@link StageCounts}, and the warnings that name what is left out; any thread. */
final class StageCounters implements ReadListener {

    private static final Logger LOG = LoggerFactory.getLogger(StageCounters.class);

    /** So many are told apart by name; of a data set damaged throughout, more would bury everything else. */
    private static final int NAMED_AT_MOST = 100;

    private final Set<String> named;
    private final long opened = System.nanoTime();
    private final Meter read = new Meter();
    private final Meter decode = new Meter();
    private final Meter batch = new Meter();
    private final LongAdder accepted = new LongAdder();
    private final LongAdder decoded = new LongAdder();
    private final LongAdder batched = new LongAdder();
    private final LongAdder taken = new LongAdder();
    private final LongAdder waitNanos = new LongAdder();
    private final LongAdder withoutImage = new LongAdder();
    private final LongAdder withoutCaption = new LongAdder();
    private final Map<String, LongAdder> rejected = new ConcurrentHashMap<>();
    private final LongAdder corrupt = new LongAdder();
    private final LongAdder skippedShards = new LongAdder();

    /** What a stage has done. */
    private static final class Meter {
        private final LongAdder items = new LongAdder();
        private final LongAdder bytes = new LongAdder();
        private final LongAdder nanos = new LongAdder();

        void add(long itemCount, long byteCount, long since) {
            items.add(itemCount);
            bytes.add(byteCount);
            nanos.add(System.nanoTime() - since);
        }

        StageCounts.Stage stage(long queued, int threads) {
            return new StageCounts.Stage(items.sum(), bytes.sum(), nanos.sum() / 1e9, Math.max(0, queued), threads);
        }
    }

    StageCounters() {
        named = new HashSet<>();
    }

    /** @param others counts of the same examples: what they have named is not named again */
    StageCounters(StageCounters others) {
        named = others.named;
    }

    @Override
    public void member(long length) {
        read.bytes.add(length);
    }

    @Override
    public void corrupt(String where, String why) {
        corrupt.increment();
        name(where, why);
    }

    /** A shard range is given up before its end. */
    void skippedShard(String shard, String why) {
        skippedShards.increment();
        name(shard, why + "; what follows in this shard is left out");
    }

    private void name(String where, String why) {
        synchronized (named) {
            // Every epoch comes by again; once is enough.
            if (named.size() < NAMED_AT_MOST && named.add(where)) {
                LOG.warn("left out {}: {}", where, why);
                if (named.size() == NAMED_AT_MOST) {
                    LOG.warn("left out {} by now; the next ones are counted, not named", NAMED_AT_MOST);
                }
            }
        }
    }

    void example() {
        read.items.increment();
    }

    /** A block was read. */
    void block(int examples, long since) {
        accepted.add(examples);
        read.add(0, 0, since);
    }

    /** The decoder has seen an image, well or not. */
    void decoded(long bytes, long since) {
        decode.add(1, bytes, since);
    }

    /** An image is there for its batch. */
    void usable() {
        decoded.increment();
    }

    void batch(int images, long bytes, long since) {
        batched.add(images);
        batch.add(1, bytes, since);
    }

    /** Somebody took a batch. */
    void taken(long since) {
        taken.increment();
        waitNanos.add(System.nanoTime() - since);
    }

    void withoutImage() {
        withoutImage.increment();
    }

    void withoutCaption() {
        withoutCaption.increment();
    }

    void rejected(MetadataFilter filter) {
        rejected.computeIfAbsent(filter.name(), name -> new LongAdder()).increment();
    }

    StageCounts counts() {
        Map<String, Long> perFilter = new TreeMap<>();
        rejected.forEach((filter, count) -> perFilter.put(filter, count.sum()));
        return new StageCounts(
                read.stage(accepted.sum() - decode.items.sum(), 1),
                decode.stage(decoded.sum() - batched.sum(), 0),
                batch.stage(batch.items.sum() - taken.sum(), 1),
                new StageCounts.Losses(
                        withoutImage.sum(), withoutCaption.sum(), perFilter, corrupt.sum(), skippedShards.sum()),
                waitNanos.sum() / 1e9,
                (System.nanoTime() - opened) / 1e9);
    }
}

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
    private final LongAdder members = new LongAdder();
    private final LongAdder bytes = new LongAdder();
    private final LongAdder examples = new LongAdder();
    private final LongAdder withoutImage = new LongAdder();
    private final LongAdder withoutCaption = new LongAdder();
    private final Map<String, LongAdder> rejected = new ConcurrentHashMap<>();
    private final LongAdder corrupt = new LongAdder();
    private final LongAdder skippedShards = new LongAdder();
    private final LongAdder decoded = new LongAdder();
    private final LongAdder batches = new LongAdder();

    StageCounters() {
        named = new HashSet<>();
    }

    /** @param others counts of the same examples: what they have named is not named again */
    StageCounters(StageCounters others) {
        named = others.named;
    }

    @Override
    public void member(long length) {
        members.increment();
        bytes.add(length);
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
        examples.increment();
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

    void decoded() {
        decoded.increment();
    }

    void batch() {
        batches.increment();
    }

    StageCounts counts() {
        Map<String, Long> perFilter = new TreeMap<>();
        rejected.forEach((filter, count) -> perFilter.put(filter, count.sum()));
        return new StageCounts(
                members.sum(),
                bytes.sum(),
                examples.sum(),
                withoutImage.sum(),
                withoutCaption.sum(),
                perFilter,
                corrupt.sum(),
                skippedShards.sum(),
                decoded.sum(),
                batches.sum());
    }
}

package org.rekindle.data.lanes;

import java.util.Map;
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

    private final LongAdder members = new LongAdder();
    private final LongAdder bytes = new LongAdder();
    private final LongAdder examples = new LongAdder();
    private final LongAdder withoutImage = new LongAdder();
    private final LongAdder withoutCaption = new LongAdder();
    private final Map<String, LongAdder> rejected = new ConcurrentHashMap<>();
    private final LongAdder corrupt = new LongAdder();
    private final LongAdder decoded = new LongAdder();
    private final LongAdder batches = new LongAdder();

    @Override
    public void member(long length) {
        members.increment();
        bytes.add(length);
    }

    @Override
    public void corrupt(String where, String why) {
        corrupt.increment();
        LOG.warn("left out {}: {}", where, why);
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
                decoded.sum(),
                batches.sum());
    }
}

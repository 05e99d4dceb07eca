package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.images.Framing;

/**
 * The first examples of some shards that the training's filters pass, in the order of the shards: neither shuffled nor stripped of
 * captions, the same at each reading. A damaged image is named in the log, once, and left out.
 *
 * <p>Immutable but for what was named; one thread reads at a time.
 */
public final class HeldOutExamples {

    private final DataSet dataSet;
    private final int examples;
    private final int batchSize;
    private final int resolution;
    private final LaneDecoder decoder;
    private final Acceptance acceptance;

    /** Takes a batch at a time, so that images are in memory for one batch only. */
    public interface Consumer {

        /**
         * @param first number of the batch's first example, from 0
         * @param batch of lane 0; the last one may be smaller
         */
        void accept(int first, LaneBatch batch);
    }

    /**
     * @param dataSet with filters, resolution and batch size of the training
     * @param examples how many to take at most
     * @throws UserException when a filter is malformed, or when the shards hold no example that can be used
     */
    public HeldOutExamples(DataSet dataSet, int examples) {
        DatasetConfig.Params params = dataSet.params();
        this.dataSet = dataSet;
        this.examples = examples;
        this.batchSize = params.batchSize();
        this.resolution = params.resolution();
        this.decoder = LaneDecoder.of(dataSet);
        this.acceptance = new Acceptance(params, new StageCounters(), params.filterPatience());
        if (read(1, (first, batch) -> {}) == 0) {
            throw new UserException(
                    "validation.path: none of its examples can be used: each needs an image, a caption and"
                            + " metadata that dataset.params.filters pass (rekindle shards stat shows what is in them)");
        }
    }

    /**
     * Reads the examples from the beginning.
     *
     * @return how many there were
     * @throws UserException when a shard cannot be read
     */
    public int read(Consumer consumer) {
        return read(examples, consumer);
    }

    private int read(int most, Consumer consumer) {
        List<LaneItem.Decoded> pending = new ArrayList<>();
        int count = 0;
        try (ExampleReader reader = dataSet.all(acceptance.counters())) {
            for (Example example = reader.next(); example != null; example = count < most ? reader.next() : null) {
                Optional<LaneItem.Decoded> decoded =
                        acceptance.accepted(example).map(Accepted::example).flatMap(this::decode);
                if (decoded.isEmpty()) {
                    continue;
                }
                pending.add(decoded.get());
                count++;
                if (pending.size() == batchSize) {
                    flush(count, pending, consumer);
                }
            }
        }
        if (!pending.isEmpty()) {
            flush(count, pending, consumer);
        }
        return count;
    }

    private Optional<LaneItem.Decoded> decode(Example example) {
        LaneItem.Candidate candidate =
                new LaneItem.Candidate(example, 0, Framing.centre(resolution, resolution), LaneCursor.START);
        return decoder.decode(candidate, acceptance.counters()) instanceof LaneItem.Decoded decoded
                ? Optional.of(decoded)
                : Optional.empty();
    }

    private void flush(int count, List<LaneItem.Decoded> pending, Consumer consumer) {
        consumer.accept(count - pending.size(), LaneBatch.of(0, pending, LaneCursor.START));
        pending.clear();
    }
}

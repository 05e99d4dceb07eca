package org.rekindle.data.lanes;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.filters.MetadataFilters;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.WebDatasetReader;
import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageException;

/**
 * The first examples of some shards that the training's filters pass, in the order of the shards: neither shuffled nor stripped of
 * captions, the same at each reading. A damaged image is named in the log, once, and left out.
 *
 * <p>Immutable but for what was named; one thread reads at a time.
 */
public final class HeldOutExamples {

    private final List<Path> shards;
    private final int examples;
    private final int batchSize;
    private final ImageDecoder images;
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
     * @param examples how many to take at most
     * @param params for filters, resolution and batch size
     * @throws UserException when a filter is malformed, or when the shards hold no example that can be used
     */
    public HeldOutExamples(List<Path> shards, int examples, DatasetConfig.Params params) {
        this.shards = List.copyOf(shards);
        this.examples = examples;
        this.batchSize = params.batchSize();
        this.images = new ImageDecoder(params.resolution());
        this.acceptance = new Acceptance(MetadataFilters.parse(params.filters()), new StageCounters());
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
        for (Path shard : shards) {
            if (count == most) {
                break;
            }
            try (WebDatasetReader reader = WebDatasetReader.open(shard, index -> true, acceptance.counters())) {
                for (Example example = reader.next(); example != null; example = count < most ? reader.next() : null) {
                    LaneItem.Decoded decoded = acceptance.accepts(example) ? decode(example) : null;
                    if (decoded == null) {
                        continue;
                    }
                    pending.add(decoded);
                    count++;
                    if (pending.size() == batchSize) {
                        flush(count, pending, consumer);
                    }
                }
            }
        }
        if (!pending.isEmpty()) {
            flush(count, pending, consumer);
        }
        return count;
    }

    private LaneItem.Decoded decode(Example example) {
        try {
            byte[] pixels = images.decode(example.image());
            return new LaneItem.Decoded(example.name(), pixels, example.caption(), LaneCursor.START);
        } catch (ImageException e) {
            acceptance.counters().corrupt(example.name(), e.getMessage());
            return null;
        }
    }

    private void flush(int count, List<LaneItem.Decoded> pending, Consumer consumer) {
        consumer.accept(count - pending.size(), LaneBatch.of(0, images.resolution(), pending, LaneCursor.START));
        pending.clear();
    }
}

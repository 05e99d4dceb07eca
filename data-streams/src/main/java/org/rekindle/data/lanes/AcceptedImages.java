package org.rekindle.data.lanes;

import java.util.Iterator;
import java.util.NoSuchElementException;
import org.rekindle.data.OrderedWork;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ReadListener;
import org.rekindle.data.formats.ShardFailure;
import org.rekindle.data.images.Framing;
import org.rekindle.data.stores.Shard;

/**
 * All images that a training on a data set would see, in the order of the shards, unshuffled, each once: accepted by the filters, decoded
 * by several threads, cropped at their centre to squares. What is damaged is named in the log. One thread takes.
 */
public final class AcceptedImages implements Iterator<AcceptedImages.Image>, AutoCloseable {

    private final ExampleReader reader;
    private final OrderedWork<Example, Image> work;

    /** @param rgb bytes of shape (resolution, resolution, 3); null where the image is damaged */
    public record Image(Example example, byte[] rgb) {}

    /**
     * @param skip accepted examples to pass over, undecoded
     * @throws UserException when a filter is malformed; from {@link #hasNext}, when a shard cannot be had, unless
     *     {@code dataset.params.on_shard_error} skips it
     */
    public AcceptedImages(DataSet dataSet, long skip) {
        StageCounters counters = new StageCounters();
        Acceptance acceptance =
                new Acceptance(dataSet.params(), counters, dataSet.params().filterPatience());
        LaneDecoder decoder = LaneDecoder.of(dataSet);
        int resolution = dataSet.params().resolution();
        Listener listener =
                new Listener(counters, new ShardErrors(dataSet.params().onShardError()));
        reader = dataSet.all(listener);
        Iterator<Example> accepted = new Accepting(reader, acceptance, listener);
        for (long i = 0; i < skip && accepted.hasNext(); i++) {
            accepted.next();
        }
        work = new OrderedWork<>(accepted, dataSet.params().workers(), example -> {
            LaneItem.Candidate candidate =
                    new LaneItem.Candidate(example, 0, Framing.centre(resolution, resolution), LaneCursor.START);
            return decoder.decode(candidate, counters) instanceof LaneItem.Decoded decoded
                            && decoded.content() instanceof DecodedContent.Pixels pixels
                    ? new Image(example, pixels.rgb())
                    : new Image(example, null);
        });
    }

    @Override
    public boolean hasNext() {
        return work.hasNext();
    }

    @Override
    public Image next() {
        return work.next();
    }

    @Override
    public void close() {
        work.close();
        reader.close();
    }

    /** What is left out for good must be so at every reading: a shard that cannot be had now ends this one. */
    private record Listener(StageCounters counters, ShardErrors errors) implements ReadListener {

        @Override
        public void corrupt(String where, String why) {
            counters.corrupt(where, why);
        }

        @Override
        public void failed(Shard shard, ShardFailure failure) {
            failed(shard.name(), failure);
        }

        void failed(String shard, ShardFailure failure) {
            if (!errors.skips(failure)) {
                throw ShardErrors.stopped(failure);
            }
            counters.skippedShard(shard, failure.getMessage());
        }
    }

    private static final class Accepting implements Iterator<Example> {
        private final ExampleReader reader;
        private final Acceptance acceptance;
        private final Listener listener;
        private Example next;

        Accepting(ExampleReader reader, Acceptance acceptance, Listener listener) {
            this.listener = listener;
            this.reader = reader;
            this.acceptance = acceptance;
        }

        @Override
        public boolean hasNext() {
            for (Example example = next == null ? reader.next() : null; example != null; example = reader.next()) {
                next = accepted(example);
                if (next != null) {
                    return true;
                }
            }
            return next != null;
        }

        private Example accepted(Example example) {
            try {
                return acceptance.accepted(example).map(Accepted::example).orElse(null);
            } catch (ShardFailure failure) {
                listener.failed(example.shard(), failure);
                return null;
            }
        }

        @Override
        public Example next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            Example example = next;
            next = null;
            return example;
        }
    }
}

package org.rekindle.data.lanes;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.apache.pekko.NotUsed;
import org.apache.pekko.stream.Attributes;
import org.apache.pekko.stream.OverflowStrategy;
import org.apache.pekko.stream.javadsl.Source;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;

/**
 * A lane as a stream: blocks are read one ahead on the dispatcher for blocking work, their examples decoded in order by the given
 * threads, {@value #PREFETCH_BATCHES} batches kept ready. Whoever takes slowly slows the reading down.
 */
final class LaneSource {

    private static final int PREFETCH_BATCHES = 2;
    private static final String BLOCKING = "pekko.actor.default-blocking-io-dispatcher";

    private LaneSource() {}

    /**
     * Returns the endless stream of a lane's batches from a cursor on; what it holds does not depend on {@code decoders}, time or
     * machine. The stream fails with {@link UserException} when a shard cannot be read or no example of the data set passes.
     *
     * @param reading is given the lane's reader, to abort a wait for bytes
     * @throws UserException when a filter is malformed or batch size, resolution, shuffle buffer or text dropout out of range
     */
    static Source<LaneBatch, NotUsed> open(
            DataSet dataSet,
            LanePlan plan,
            int lane,
            LaneCursor from,
            Executor decoders,
            StageCounters counters,
            Consumer<BlockReader> reading) {
        DatasetConfig.Params params = dataSet.params();
        check(params);
        LaneDecoder decoder = LaneDecoder.of(dataSet);
        Acceptance acceptance = new Acceptance(params, counters, params.filterPatience());
        return Source.unfoldResource(
                        () -> {
                            BlockReader reader = new BlockReader(dataSet, plan, lane, from, acceptance);
                            reading.accept(reader);
                            return reader;
                        },
                        reader -> Optional.of(reader.next()),
                        BlockReader::close)
                .async(BLOCKING)
                .mapConcat(block -> LaneItem.of(block, plan.seed(), lane, params))
                .mapAsync(2 * params.workers(), item -> decode(decoder, item, counters, decoders))
                .statefulMapConcat(() -> new LaneBatcher(
                                lane,
                                params.batchSize(),
                                from,
                                decoder,
                                new DataSetProbe(dataSet, decoder, counters),
                                counters)::add)
                .buffer(PREFETCH_BATCHES, OverflowStrategy.backpressure())
                .async(BLOCKING)
                // Without this bound 16 blocks of thousands of images would wait between the two.
                .addAttributes(Attributes.inputBuffer(1, 1));
    }

    private static CompletableFuture<LaneItem> decode(
            LaneDecoder decoder, LaneItem item, StageCounters counters, Executor decoders) {
        return item instanceof LaneItem.Candidate candidate
                ? CompletableFuture.supplyAsync(() -> decoder.decode(candidate, counters), decoders)
                : CompletableFuture.completedFuture(item);
    }

    private static void check(DatasetConfig.Params params) {
        if (params.batchSize() == null) {
            throw new UserException("dataset.params.batch_size is not set: give the examples per lane and step");
        }
        require(params.batchSize() >= 1, "batch_size", params.batchSize(), "at least 1");
        require(
                params.resolution() >= 1 && params.resolution() <= 8192,
                "resolution",
                params.resolution(),
                "1 to 8192");
        require(params.shuffleBuffer() >= 1, "shuffle_buffer", params.shuffleBuffer(), "at least 1");
        require(params.textDropout() >= 0 && params.textDropout() <= 1, "text_dropout", params.textDropout(), "0 to 1");
    }

    private static void require(boolean holds, String key, Object value, String allowed) {
        if (!holds) {
            throw new UserException("dataset.params." + key + " is " + value + ", allowed is " + allowed);
        }
    }
}

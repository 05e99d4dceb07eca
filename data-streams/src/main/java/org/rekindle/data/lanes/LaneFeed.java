package org.rekindle.data.lanes;

import java.util.concurrent.Executor;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.rekindle.data.DatasetConfig;

/**
 * A lane for a thread that may block: batches come out of a running stream that reads and decodes ahead by a bounded number. One
 * thread takes; any thread may close.
 */
public final class LaneFeed implements AutoCloseable {

    private LaneFeed() {}

    /**
     * Starts the stream of one lane.
     *
     * @param system typed or classic actor system that runs it
     * @param params the section {@code dataset.params}
     * @param plan the walks of all lanes
     * @param lane which of them
     * @param from where to go on
     * @param decoders threads that decode, shared by the lanes of a worker, see {@link DecodeThreads}
     */
    public static LaneFeed open(
            ClassicActorSystemProvider system,
            DatasetConfig.Params params,
            LanePlan plan,
            int lane,
            LaneCursor from,
            Executor decoders) {
        throw new UnsupportedOperationException("lands soon");
    }

    /**
     * Waits for the next batch.
     *
     * @throws org.rekindle.data.UserException when a shard cannot be read, or when no example of the data set passes, with the counts
     * @throws java.util.concurrent.CancellationException when the feed was closed or the thread interrupted (its flag stays set)
     */
    public LaneBatch next() {
        throw new UnsupportedOperationException("lands soon");
    }

    /** What went through each stage so far; any thread. */
    public StageCounts counts() {
        throw new UnsupportedOperationException("lands soon");
    }

    @Override
    public void close() {}
}

package org.rekindle.data.lanes;

import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.apache.pekko.stream.AbruptStageTerminationException;
import org.apache.pekko.stream.Attributes;
import org.apache.pekko.stream.StreamDetachedException;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.SinkQueueWithCancel;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;

/**
 * A lane for a thread that may block: batches come out of a running stream that reads and decodes ahead by a bounded number. One
 * thread takes; any thread may close.
 */
public final class LaneFeed implements AutoCloseable {

    private final int lane;
    private final SinkQueueWithCancel<LaneBatch> queue;
    private final StageCounters counters;
    private final AtomicReference<BlockReader> reading;

    private LaneFeed(
            int lane,
            SinkQueueWithCancel<LaneBatch> queue,
            StageCounters counters,
            AtomicReference<BlockReader> reading) {
        this.lane = lane;
        this.queue = queue;
        this.counters = counters;
        this.reading = reading;
    }

    /**
     * Starts the stream of one lane.
     *
     * @param system typed or classic actor system that runs it
     * @param dataSet what it reads
     * @param plan the walks of all lanes
     * @param lane which of them
     * @param from where to go on
     * @param decoders threads that decode, shared by the lanes of a worker, see {@link DecodeThreads}
     */
    public static LaneFeed open(
            ClassicActorSystemProvider system,
            DataSet dataSet,
            LanePlan plan,
            int lane,
            LaneCursor from,
            Executor decoders) {
        StageCounters counters = new StageCounters();
        AtomicReference<BlockReader> reading = new AtomicReference<>();
        SinkQueueWithCancel<LaneBatch> queue = LaneSource.open(
                        dataSet, plan, lane, from, decoders, counters, reading::set)
                .runWith(Sink.<LaneBatch>queue().addAttributes(Attributes.inputBuffer(1, 1)), system);
        return new LaneFeed(lane, queue, counters, reading);
    }

    /**
     * Waits for the next batch.
     *
     * @throws UserException when a shard cannot be read, or when no example of the data set passes, with the counts
     * @throws CancellationException when the feed was closed, the actor system ended or the thread was interrupted (its flag stays set)
     */
    public LaneBatch next() {
        try {
            long since = System.nanoTime();
            Optional<LaneBatch> batch = queue.pull().toCompletableFuture().get();
            counters.taken(since);
            return batch.orElseThrow(() -> new CancellationException("lane " + lane + " is closed"));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while waiting for lane " + lane);
        } catch (ExecutionException e) {
            throw translated(e.getCause());
        }
    }

    private RuntimeException translated(Throwable cause) {
        if (cause instanceof CancellationException
                || cause instanceof StreamDetachedException
                || cause instanceof AbruptStageTerminationException) {
            return new CancellationException("lane " + lane + " is closed");
        }
        if (cause instanceof UserException userException) {
            return userException;
        }
        return new IllegalStateException("lane " + lane + " failed", cause);
    }

    /** What went through each stage so far; any thread. */
    public StageCounts counts() {
        return counters.counts();
    }

    @Override
    public void close() {
        queue.cancel();
        BlockReader reader = reading.get();
        if (reader != null) {
            reader.abort();
        }
    }
}

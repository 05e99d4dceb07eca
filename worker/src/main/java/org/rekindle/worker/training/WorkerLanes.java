package org.rekindle.worker.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.lanes.StageCounts;

/**
 * The lanes that one worker owns. The batches of the step in flight are kept until it is committed, so that a replay neither reads
 * them again nor loses them, and a lane that stays with its worker keeps its running stream.
 *
 * <p>Threads: the training thread, except {@link #close}, which any thread may call to end a wait for data.
 */
final class WorkerLanes implements AutoCloseable {

    /** One lane's batches, in order. */
    interface Feed extends AutoCloseable {

        /** Waits for the next batch; throws {@link CancellationException} once closed. */
        LaneBatch next();

        /** What the lane has done since it was opened. */
        StageCounts counts();

        @Override
        void close();
    }

    /** Opens lanes. */
    interface Feeds {
        Feed open(int lane, LaneCursor from);

        /** Threads that decode for all of them. */
        default int decodeThreads() {
            return 1;
        }
    }

    private static final class Open {
        final Feed feed;
        LaneCursor at;
        LaneBatch inFlight;

        Open(Feed feed, LaneCursor at) {
            this.feed = feed;
            this.at = at;
        }
    }

    private final Feeds feeds;
    private final SortedMap<Integer, Open> lanes = new TreeMap<>();
    private boolean closed;

    WorkerLanes(Feeds feeds) {
        this.feeds = feeds;
    }

    /** Owns exactly these lanes from now on, each from its cursor. */
    synchronized void assign(Map<Integer, LaneCursor> cursors) {
        if (closed) {
            throw new CancellationException("closed");
        }
        lanes.entrySet().removeIf(entry -> {
            Open open = entry.getValue();
            boolean goesOn = open.at.equals(cursors.get(entry.getKey()));
            if (!goesOn) {
                open.feed.close();
            }
            return !goesOn;
        });
        new TreeMap<>(cursors)
                .forEach((lane, from) -> lanes.computeIfAbsent(lane, l -> new Open(feeds.open(l, from), from)));
    }

    /** The batches of the step in flight, one a lane, in the order of the lanes; waits for those that are not here yet. */
    List<LaneBatch> take() {
        List<LaneBatch> batches = new ArrayList<>();
        for (Open open : owned()) {
            if (open.inFlight == null) {
                open.inFlight = open.feed.next();
            }
            batches.add(open.inFlight);
        }
        return batches;
    }

    /** What the lanes have done since they were opened. */
    StageCounts counts() {
        return owned().stream()
                .map(open -> open.feed.counts())
                .reduce(StageCounts.NONE, StageCounts::plus)
                .decodedBy(feeds.decodeThreads());
    }

    /** The step in flight is committed: its batches are done with. */
    void commit() {
        for (Open open : owned()) {
            open.at = open.inFlight.after();
            open.inFlight = null;
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        lanes.values().forEach(open -> open.feed.close());
    }

    private synchronized List<Open> owned() {
        return List.copyOf(lanes.values());
    }
}

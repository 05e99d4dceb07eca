package org.rekindle.worker.training;

import java.util.concurrent.ExecutorService;
import org.apache.pekko.actor.typed.ActorSystem;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.lanes.LaneFeed;
import org.rekindle.data.lanes.LanePlan;
import org.rekindle.data.lanes.StageCounts;

/**
 * The lanes of a worker as streams of the data plane.
 *
 * @param decoders threads that decode for all of them
 * @param decodeThreads how many they are
 */
record StreamedLanes(ActorSystem<?> system, DataSet dataSet, LanePlan plan, ExecutorService decoders, int decodeThreads)
        implements WorkerLanes.Feeds {

    @Override
    public WorkerLanes.Feed open(int lane, LaneCursor from) {
        return new StreamedLane(LaneFeed.open(system, dataSet, plan, lane, from, decoders));
    }

    private record StreamedLane(LaneFeed stream) implements WorkerLanes.Feed {

        @Override
        public LaneBatch next() {
            return stream.next();
        }

        @Override
        public StageCounts counts() {
            return stream.counts();
        }

        @Override
        public void close() {
            stream.close();
        }
    }
}

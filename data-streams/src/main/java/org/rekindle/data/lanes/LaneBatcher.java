package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.List;

/** Collects a lane's decoded examples into batches, and watches that an epoch gives at least one. One thread. */
final class LaneBatcher {

    private final int lane;
    private final int batchSize;
    private final int resolution;
    private final DataSetProbe probe;
    private final StageCounters counters;

    private final List<LaneItem.Decoded> pending = new ArrayList<>();
    private LaneCursor before;
    private boolean epochGaveOne;

    LaneBatcher(int lane, int batchSize, int resolution, LaneCursor from, DataSetProbe probe, StageCounters counters) {
        this.lane = lane;
        this.batchSize = batchSize;
        this.resolution = resolution;
        this.before = from;
        this.probe = probe;
        this.counters = counters;
    }

    /** Takes the next item and returns the batch that it completes, if any. */
    List<LaneBatch> add(LaneItem item) {
        if (item instanceof LaneItem.EpochEnd) {
            if (!epochGaveOne) {
                probe.requireOneThatPasses();
            }
            epochGaveOne = false;
        } else if (item instanceof LaneItem.Decoded decoded) {
            epochGaveOne = true;
            pending.add(decoded);
        }
        return pending.size() < batchSize ? List.of() : List.of(batch());
    }

    private LaneBatch batch() {
        LaneBatch batch = LaneBatch.of(lane, resolution, pending, before);
        before = batch.after();
        pending.clear();
        counters.batch();
        return batch;
    }
}

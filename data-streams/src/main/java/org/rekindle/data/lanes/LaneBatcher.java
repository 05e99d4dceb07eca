package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Collects a lane's decoded examples into batches, and watches that an epoch gives at least one. One thread. */
final class LaneBatcher {

    private final int lane;
    private final int batchSize;
    private final LaneDecoder decoder;
    private final DataSetProbe probe;
    private final StageCounters counters;

    private final List<LaneItem.Decoded> pending = new ArrayList<>();
    private LaneCursor before;
    private boolean epochGaveOne;

    LaneBatcher(
            int lane, int batchSize, LaneCursor from, LaneDecoder decoder, DataSetProbe probe, StageCounters counters) {
        this.lane = lane;
        this.batchSize = batchSize;
        this.decoder = decoder;
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
        long since = System.nanoTime();
        LaneBatch batch = LaneBatch.of(lane, ofOneSize(), before);
        before = batch.after();
        pending.clear();
        counters.batch(batch.size(), batch.content().bytes(), since);
        return batch;
    }

    /** Brings the few of another bucket to the size of most. */
    private List<LaneItem.Decoded> ofOneSize() {
        Map<ImageSize, Long> counts = pending.stream()
                .collect(Collectors.groupingBy(
                        decoded -> decoded.candidate().size(), LinkedHashMap::new, Collectors.counting()));
        if (counts.size() == 1) {
            return pending;
        }
        ImageSize most =
                Collections.max(counts.entrySet(), Map.Entry.comparingByValue()).getKey();
        return pending.stream()
                .map(decoded -> decoded.candidate().size().equals(most)
                        ? decoded
                        : decoder.again(decoded.candidate().of(most)))
                .toList();
    }
}

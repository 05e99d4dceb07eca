package org.rekindle.data.lanes;

import java.util.Optional;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;

/**
 * Tells an unlucky epoch from a hopeless data set. A lane whose share of an epoch gave nothing asks here: as long as one example
 * anywhere passes, a later epoch's permutation will bring it; when none does, the lane would turn for ever, so that the run fails with
 * what became of all examples. One thread.
 */
final class DataSetProbe {

    private final DataSet dataSet;
    private final LaneDecoder decoder;
    private final StageCounters lane;
    private boolean found;

    /** @param lane what the lane has counted, and named, so far; stays as it is */
    DataSetProbe(DataSet dataSet, LaneDecoder decoder, StageCounters lane) {
        this.dataSet = dataSet;
        this.decoder = decoder;
        this.lane = lane;
    }

    /**
     * Reads shards until one example passes filters and decoder; the answer is remembered.
     *
     * @throws UserException when none does, with the counts per reason
     */
    void requireOneThatPasses() {
        if (found) {
            return;
        }
        StageCounters counters = new StageCounters(lane);
        Acceptance acceptance = new Acceptance(dataSet.params(), counters, Integer.MAX_VALUE);
        try (ExampleReader reader = dataSet.all(counters)) {
            for (Example example = reader.next(); example != null; example = reader.next()) {
                Optional<Accepted> accepted = acceptance.accepted(example);
                if (accepted.isPresent() && decoder.decodes(accepted.get().example(), counters)) {
                    found = true;
                    return;
                }
            }
        }
        StageCounts counts = counters.counts();
        throw new UserException("no example of the data set can be used: "
                + dataSet.shards().size() + " shards with " + counts.inWords() + "; "
                + (counts.losses().rejected().isEmpty() ? "correct the shards" : "relax dataset.params.filters")
                + " (rekindle shards stat shows what is in them)");
    }
}

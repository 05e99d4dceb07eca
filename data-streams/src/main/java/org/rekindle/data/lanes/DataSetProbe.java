package org.rekindle.data.lanes;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rekindle.data.UserException;
import org.rekindle.data.filters.MetadataFilters;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.WebDatasetReader;
import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageException;

/**
 * Tells an unlucky epoch from a hopeless data set. A lane whose share of an epoch gave nothing asks here: as long as one example
 * anywhere passes, a later epoch's permutation will bring it; when none does, the lane would turn for ever, so that the run fails with
 * what became of all examples. One thread.
 */
final class DataSetProbe {

    private final List<Path> shards;
    private final MetadataFilters filters;
    private final ImageDecoder images;
    private final StageCounters lane;
    private boolean found;

    /** @param lane what the lane has counted, and named, so far; stays as it is */
    DataSetProbe(List<Path> shards, MetadataFilters filters, ImageDecoder images, StageCounters lane) {
        this.shards = shards;
        this.filters = filters;
        this.images = images;
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
        Acceptance acceptance = new Acceptance(filters, counters);
        for (Path shard : shards) {
            try (WebDatasetReader reader = WebDatasetReader.open(shard, index -> true, counters)) {
                for (Example example = reader.next(); example != null; example = reader.next()) {
                    if (acceptance.accepts(example) && decodes(example, counters)) {
                        found = true;
                        return;
                    }
                }
            }
        }
        throw new UserException(explain(counters.counts()));
    }

    private boolean decodes(Example example, StageCounters counters) {
        try {
            images.decode(example.image());
            return true;
        } catch (ImageException e) {
            counters.corrupt(example.name(), e.getMessage());
            return false;
        }
    }

    private String explain(StageCounts counts) {
        String total = "no example of the data set can be used: " + shards.size() + " shards with " + counts.examples()
                + " examples";
        List<String> reasons = new ArrayList<>();
        counts.rejected().forEach((filter, count) -> reasons.add(count + " rejected by " + filter));
        addReason(reasons, counts.withoutImage(), "without an image (jpg, jpeg, png, webp)");
        addReason(reasons, counts.withoutCaption(), "without a caption (txt)");
        addReason(reasons, counts.corrupt(), "corrupt, named in the log");
        String remedy = counts.rejected().isEmpty() ? "correct the shards" : "relax dataset.params.filters";
        return total + (reasons.isEmpty() ? "" : ", " + String.join(", ", reasons)) + "; " + remedy
                + " (rekindle shards stat shows what is in them)";
    }

    private static void addReason(List<String> reasons, long count, String reason) {
        if (count > 0) {
            reasons.add(count + " " + reason);
        }
    }
}

package org.rekindle.data.lanes;

import java.io.IOException;
import java.util.Optional;
import org.rekindle.data.filters.MetadataFilter;
import org.rekindle.data.filters.MetadataFilters;
import org.rekindle.data.formats.Example;

/** Which examples go on to the shuffle: those with an image, a caption and metadata that passes, judged before any decoding. */
record Acceptance(MetadataFilters filters, StageCounters counters) {

    boolean accepts(Example example) {
        counters.example();
        if (example.image() == null) {
            counters.withoutImage();
            return false;
        }
        if (example.caption() == null) {
            counters.withoutCaption();
            return false;
        }
        return filters.isEmpty() || passesFilters(example);
    }

    private boolean passesFilters(Example example) {
        try {
            Optional<MetadataFilter> rejecting = filters.rejecting(MetadataFilters.metadata(example.json()));
            rejecting.ifPresent(counters::rejected);
            return rejecting.isEmpty();
        } catch (IOException e) {
            counters.corrupt(example.name(), "its json member is not JSON");
            return false;
        }
    }
}

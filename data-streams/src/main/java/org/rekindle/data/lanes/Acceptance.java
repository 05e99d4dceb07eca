package org.rekindle.data.lanes;

import java.io.IOException;
import java.util.Optional;
import org.rekindle.data.UserException;
import org.rekindle.data.filters.MetadataFilter;
import org.rekindle.data.filters.MetadataFilters;
import org.rekindle.data.formats.Example;

/**
 * Which examples go on to the shuffle: those with an image, a caption and metadata that passes, judged before any decoding. One
 * thread.
 */
final class Acceptance {

    private final MetadataFilters filters;
    private final StageCounters counters;
    private final int patience;
    private int turnedAway;

    /** @param patience examples in a row that may be turned away */
    Acceptance(MetadataFilters filters, StageCounters counters, int patience) {
        this.filters = filters;
        this.counters = counters;
        this.patience = patience;
    }

    StageCounters counters() {
        return counters;
    }

    /**
     * Returns the example as it may be kept, or nothing.
     *
     * @throws UserException when too many in a row were turned away
     */
    Optional<Example> accepted(Example example) {
        counters.example();
        Optional<Example> kept = passes(example) ? kept(example) : Optional.empty();
        turnedAway = kept.isPresent() ? 0 : turnedAway + 1;
        if (turnedAway == patience) {
            throw new UserException("none of the last " + patience + " examples can be used, the last is "
                    + example.name() + "; since the lane began "
                    + counters.counts().losses()
                    + ": relax dataset.params.filters, make shards of what passes (rekindle shards reshard), or raise"
                    + " dataset.params.filter_patience");
        }
        return kept;
    }

    private boolean passes(Example example) {
        if (example.image() == null) {
            counters.withoutImage();
            return false;
        }
        if (example.captions().isEmpty()) {
            counters.withoutCaption();
            return false;
        }
        return filters.isEmpty() || passesFilters(example);
    }

    private boolean passesFilters(Example example) {
        try {
            Example.Metadata metadata = example.metadata();
            Optional<MetadataFilter> rejecting = filters.rejecting(metadata == null ? null : metadata.read());
            rejecting.ifPresent(counters::rejected);
            return rejecting.isEmpty();
        } catch (IOException e) {
            counters.corrupt(example.name(), "its json member is not JSON");
            return false;
        }
    }

    private Optional<Example> kept(Example example) {
        try {
            return Optional.of(example.withImage(example.image().kept()));
        } catch (IOException e) {
            counters.corrupt(example.name(), e.getMessage());
            return Optional.empty();
        }
    }
}

package org.rekindle.data.lanes;

import java.io.IOException;
import java.util.Optional;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.filters.MetadataFilter;
import org.rekindle.data.filters.MetadataFilters;
import org.rekindle.data.formats.EncodedImage;
import org.rekindle.data.formats.Example;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.images.ImageHeader;

/**
 * Which examples go on to the shuffle: those with an image, a caption and metadata that passes, judged before any decoding. One
 * thread.
 */
final class Acceptance {

    private final MetadataFilters filters;
    private final StageCounters counters;
    private final Buckets buckets;
    private final int patience;
    private int turnedAway;

    /**
     * @param patience examples in a row that may be turned away
     * @throws UserException when a filter is malformed
     */
    Acceptance(DatasetConfig.Params params, StageCounters counters, int patience) {
        this.filters = MetadataFilters.parse(params.filters());
        this.counters = counters;
        this.buckets = Buckets.of(params.resolution(), params.buckets());
        this.patience = patience;
    }

    Buckets buckets() {
        return buckets;
    }

    StageCounters counters() {
        return counters;
    }

    /**
     * Returns the example as it may be kept, or nothing.
     *
     * @throws UserException when too many in a row were turned away
     */
    Optional<Accepted> accepted(Example example) {
        counters.example();
        Optional<Accepted> kept = passes(example) ? kept(example) : Optional.empty();
        turnedAway = kept.isPresent() ? 0 : turnedAway + 1;
        if (turnedAway == patience) {
            throw new UserException("none of the last " + patience + " examples can be used, the last is "
                    + example.name() + "; since the lane began "
                    + counters.counts().inWords()
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

    private Optional<Accepted> kept(Example example) {
        try {
            if (!buckets.areMany()) {
                return Optional.of(new Accepted(
                        example.withImage(example.image().kept()),
                        buckets.sizes().get(0)));
            }
            byte[] image = example.image().read();
            ImageHeader header = ImageHeader.read(image);
            return Optional.of(new Accepted(
                    example.withImage(EncodedImage.of(image)), buckets.nearest(header.width(), header.height())));
        } catch (ImageException | IOException e) {
            counters.corrupt(example.name(), e.getMessage());
            return Optional.empty();
        }
    }
}

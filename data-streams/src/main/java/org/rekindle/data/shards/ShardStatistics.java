package org.rekindle.data.shards;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.rekindle.data.UserException;
import org.rekindle.data.filters.MetadataFilter;
import org.rekindle.data.filters.MetadataFilters;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ReadListener;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.images.ImageHeader;
import org.rekindle.data.stores.Shard;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What {@code shards stat} tells. Images are measured by their headers, not decoded.
 *
 * @param shards number of shards
 * @param bytes their size on disk
 * @param examples groups of members with one key
 * @param images examples with an image whose header could be read
 * @param captions examples with a caption
 * @param captionCharacters sum of the captions' lengths
 * @param longestCaption length of the longest in characters
 * @param resolutions images by {@code WIDTHxHEIGHT}: the most frequent sizes, and {@code other}
 * @param corrupt members, images and json that could not be read; each is named in a warning of the log
 * @param acceptedByFilter examples that pass each filter taken alone, by filter such as {@code pwatermark<=0.5}
 * @param accepted examples with image and caption that pass all filters
 */
public record ShardStatistics(
        int shards,
        long bytes,
        long examples,
        long images,
        long captions,
        long captionCharacters,
        int longestCaption,
        Map<String, Long> resolutions,
        long corrupt,
        Map<String, Long> acceptedByFilter,
        long accepted) {

    /**
     * Reads all shards once.
     *
     * @param dataSet with {@code dataset.params.filters}, which may be empty
     * @throws UserException when a filter is malformed
     */
    public static ShardStatistics of(DataSet dataSet) {
        Tally tally = new Tally(MetadataFilters.parse(dataSet.params().filters()));
        try (ExampleReader reader = dataSet.all(tally)) {
            for (Shard shard : dataSet.shards()) {
                tally.bytes += Math.max(0, shard.length());
            }
            for (Example example = reader.next(); example != null; example = reader.next()) {
                tally.add(example);
            }
        } catch (IOException e) {
            throw new UserException("a shard cannot be measured (" + e.getMessage() + ")", e);
        }
        return tally.statistics(dataSet.shards().size());
    }

    private static final class Tally implements ReadListener {

        private static final Logger LOG = LoggerFactory.getLogger(ShardStatistics.class);

        /** Photographs have thousands of sizes. */
        private static final int SIZES = 20;

        private final MetadataFilters filters;
        private final Map<String, Long> resolutions = new TreeMap<>();
        private final Map<String, Long> acceptedByFilter = new LinkedHashMap<>();
        private long bytes;
        private long examples;
        private long images;
        private long captions;
        private long captionCharacters;
        private int longestCaption;
        private long corrupt;
        private long accepted;

        Tally(MetadataFilters filters) {
            this.filters = filters;
            filters.filters().forEach(filter -> acceptedByFilter.put(filter.name(), 0L));
        }

        void add(Example example) {
            examples++;
            boolean image = addImage(example);
            if (!example.captions().isEmpty()) {
                String caption = example.captions().get(0);
                captions++;
                captionCharacters += caption.length();
                longestCaption = Math.max(longestCaption, caption.length());
            }
            if (passesAll(example) && image && !example.captions().isEmpty()) {
                accepted++;
            }
        }

        private boolean addImage(Example example) {
            if (example.image() == null) {
                return false;
            }
            try {
                ImageHeader header = ImageHeader.read(example.image().read());
                resolutions.merge(header.width() + "x" + header.height(), 1L, Long::sum);
                images++;
                return true;
            } catch (ImageException | IOException e) {
                corrupt(example.name(), e.getMessage());
                return false;
            }
        }

        private boolean passesAll(Example example) {
            if (filters.isEmpty()) {
                return true;
            }
            try {
                JsonNode metadata =
                        example.metadata() == null ? null : example.metadata().read();
                boolean all = true;
                for (MetadataFilter filter : filters.filters()) {
                    boolean accepts = filter.accepts(metadata);
                    acceptedByFilter.merge(filter.name(), accepts ? 1L : 0L, Long::sum);
                    all &= accepts;
                }
                return all;
            } catch (IOException e) {
                corrupt(example.name(), "its json member is not JSON");
                return false;
            }
        }

        private Map<String, Long> mostFrequent() {
            Map<String, Long> frequent = new LinkedHashMap<>();
            resolutions.entrySet().stream()
                    .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                    .limit(SIZES)
                    .forEach(size -> frequent.put(size.getKey(), size.getValue()));
            long named = frequent.values().stream().mapToLong(Long::longValue).sum();
            if (named < images) {
                frequent.put("other", images - named);
            }
            return frequent;
        }

        @Override
        public void corrupt(String where, String why) {
            corrupt++;
            LOG.warn("{}: {}", where, why);
        }

        ShardStatistics statistics(int shards) {
            return new ShardStatistics(
                    shards,
                    bytes,
                    examples,
                    images,
                    captions,
                    captionCharacters,
                    longestCaption,
                    mostFrequent(),
                    corrupt,
                    acceptedByFilter,
                    accepted);
        }
    }
}

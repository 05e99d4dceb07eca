package org.rekindle.data.shards;

import java.io.IOException;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ReadListener;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.images.ImageHeader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The examples of any data set, such as Parquet files: numbered anew, with the first of their captions; further ones stay in the metadata
 * as {@code captions}. What lacks an image or a caption is left out with a warning.
 */
record DataSetSource(DataSet dataSet) implements ShardSource {

    private static final Logger LOG = LoggerFactory.getLogger(DataSetSource.class);

    @Override
    public Stream<ShardExample> examples() {
        ExampleReader reader = dataSet.all(new ReadListener() {
            @Override
            public void corrupt(String where, String why) {
                LOG.warn("left out {}: {}", where, why);
            }
        });
        long[] number = new long[1];
        return Stream.generate(reader::next)
                .takeWhile(Objects::nonNull)
                .map(example -> stored(example, number[0]++))
                .flatMap(Optional::stream)
                .onClose(reader::close);
    }

    private static Optional<ShardExample> stored(Example example, long number) {
        try {
            if (example.image() == null || example.captions().isEmpty()) {
                LOG.warn("left out {}: no {}", example.name(), example.image() == null ? "image" : "caption");
                return Optional.empty();
            }
            byte[] image = example.image().read();
            String extension = ImageHeader.read(image).format().name().toLowerCase(java.util.Locale.ROOT);
            String caption = example.captions().get(0);
            return Optional.of(new ShardExample(
                    "%09d".formatted(number), image, extension, caption, ShardExample.metadata(example)));
        } catch (ImageException | IOException e) {
            LOG.warn("left out {}: {}", example.name(), e.getMessage());
            return Optional.empty();
        }
    }
}

package org.rekindle.data.shards;

import java.util.Iterator;
import java.util.Optional;
import org.rekindle.data.OrderedWork;
import org.rekindle.data.images.Framing;
import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageEncoder;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.images.ImageHeader;
import org.rekindle.data.latents.EncodedExample;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The examples of a source as they are to be written, in the source's order: decoded, resized and encoded by several threads, a bounded
 * number ahead. One thread takes.
 */
final class StoredExamples implements Iterator<Optional<ShardExample>>, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(StoredExamples.class);

    private final ShardMaker.Options options;
    private final OrderedWork<ShardExample, Optional<ShardExample>> work;

    StoredExamples(Iterator<ShardExample> source, ShardMaker.Options options) {
        this.options = options;
        this.work = new OrderedWork<>(source, options.workers(), this::stored);
    }

    @Override
    public boolean hasNext() {
        return work.hasNext();
    }

    /** Returns the next example, or nothing in place of one whose image is damaged. */
    @Override
    public Optional<ShardExample> next() {
        return work.next();
    }

    private Optional<ShardExample> stored(ShardExample example) {
        try {
            if (example.image() == null) {
                return Optional.empty();
            }
            if (example.extension().equals(EncodedExample.SUFFIX)) {
                return Optional.of(example);
            }
            ImageHeader header = ImageHeader.read(example.image());
            if (options.resolution() == null) {
                return Optional.of(example);
            }
            Framing framing = framing(header);
            byte[] pixels = new ImageDecoder(options.resolution()).decode(example.image(), framing);
            String format = options.format() != null
                    ? options.format()
                    : example.extension().equals("jpg") ? "jpg" : "png";
            byte[] image = ImageEncoder.encode(pixels, framing.width(), framing.height(), format, options.quality());
            return Optional.of(new ShardExample(example.key(), image, format, example.caption(), example.json()));
        } catch (ImageException e) {
            LOG.warn("left out {}: {}", example.key(), e.getMessage());
            return Optional.empty();
        }
    }

    private Framing framing(ImageHeader header) {
        int side = options.resolution();
        if (options.resize().equals(ShardMaker.Options.CROP)) {
            return Framing.centre(side, side);
        }
        double scale = Math.min(1, (double) side / Math.min(header.width(), header.height()));
        return Framing.centre(Math.max(1, (int) Math.round(header.width() * scale)), Math.max(1, (int)
                Math.round(header.height() * scale)));
    }

    @Override
    public void close() {
        work.close();
    }
}

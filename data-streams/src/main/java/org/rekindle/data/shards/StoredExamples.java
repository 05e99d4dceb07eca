package org.rekindle.data.shards;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.rekindle.data.UserException;
import org.rekindle.data.images.Framing;
import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageEncoder;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.images.ImageHeader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The examples of a source as they are to be written, in the source's order: decoded, resized and encoded by several threads, a bounded
 * number ahead. One thread takes.
 */
final class StoredExamples implements Iterator<Optional<ShardExample>>, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(StoredExamples.class);

    private final Iterator<ShardExample> source;
    private final ShardMaker.Options options;
    private final ExecutorService threads;
    private final Deque<Future<Optional<ShardExample>>> ahead = new ArrayDeque<>();

    StoredExamples(Iterator<ShardExample> source, ShardMaker.Options options) {
        this.source = source;
        this.options = options;
        this.threads = Executors.newFixedThreadPool(options.workers(), work -> {
            Thread thread = new Thread(work, "make");
            thread.setDaemon(true);
            return thread;
        });
    }

    @Override
    public boolean hasNext() {
        while (ahead.size() < 2 * options.workers() && source.hasNext()) {
            ShardExample example = source.next();
            ahead.add(threads.submit(() -> stored(example)));
        }
        return !ahead.isEmpty();
    }

    /** Returns the next example, or nothing in place of one whose image is damaged. */
    @Override
    public Optional<ShardExample> next() {
        try {
            return ahead.remove().get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UserException("interrupted", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        }
    }

    private Optional<ShardExample> stored(ShardExample example) {
        try {
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
        threads.shutdownNow();
    }
}

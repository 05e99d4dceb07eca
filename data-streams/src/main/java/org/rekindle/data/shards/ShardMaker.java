package org.rekindle.data.shards;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.rekindle.data.UserException;
import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageEncoder;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.images.ImageHeader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code shards make}: writes the examples of a source into shards. */
public final class ShardMaker {

    private static final Logger LOG = LoggerFactory.getLogger(ShardMaker.class);

    /** Shards that are open at once when examples are dealt out; systems allow a process about a thousand files. */
    private static final int MAX_OPEN_SHARDS = 512;

    private ShardMaker() {}

    /**
     * How the shards are cut and the images stored.
     *
     * @param examplesPerShard fills one shard after the other; null deals the examples out to all shards of the pattern in turn
     * @param resolution crops and resizes each image to this square; null stores the source's bytes as they are
     * @param format {@code png} or {@code jpg}, how resized images are encoded; null keeps jpg and makes all others png
     */
    public record Options(Integer examplesPerShard, Integer resolution, String format) {

        public static final Options DEFAULT = new Options(null, null, null);

        public Options {
            if (examplesPerShard != null && examplesPerShard < 1) {
                throw new UserException("examples_per_shard is " + examplesPerShard + ", allowed is at least 1");
            }
            if (resolution != null && (resolution < 1 || resolution > 8192)) {
                throw new UserException("resolution is " + resolution + ", allowed is 1 to 8192");
            }
            if (format != null && !format.equals("png") && !format.equals("jpg")) {
                throw new UserException("format is '" + format + "', allowed are png and jpg");
            }
            if (format != null && resolution == null) {
                throw new UserException(
                        "format is '" + format + "' but images are stored as they are: give resolution too");
            }
        }
    }

    /**
     * What was made.
     *
     * @param shards the files, in the pattern's order; with {@code examplesPerShard} there may be fewer than it names
     * @param examples written examples
     * @param skipped examples left out because their image is no image or damaged; each is named in a warning of the log
     */
    public record Made(List<Path> shards, long examples, long skipped) {}

    /**
     * Writes all examples of {@code source} into the shards that {@code pattern} names. Until the last is complete none of them is
     * there under its name.
     *
     * @param pattern brace notation, such as {@code data/shapes-{000..007}.tar}; its folder is created
     * @throws UserException when the source is empty, the pattern names too few or too many shards, or a file cannot be written
     */
    public static Made make(ShardSource source, String pattern, Options options) {
        List<Path> names = BraceExpansion.expand(pattern).stream().map(Path::of).toList();
        if (options.examplesPerShard() == null && names.size() > MAX_OPEN_SHARDS) {
            throw new UserException(pattern + " names " + names.size() + " shards, " + MAX_OPEN_SHARDS
                    + " can be filled in turn: give examples_per_shard to fill one after the other");
        }
        List<ShardWriter> writers = new ArrayList<>();
        try (Stream<ShardExample> examples = source.examples()) {
            long written = 0;
            long skipped = 0;
            for (Iterator<ShardExample> each = examples.iterator(); each.hasNext(); ) {
                ShardExample stored = stored(each.next(), options);
                if (stored == null) {
                    skipped++;
                } else {
                    writer(writers, names, written, pattern, options).add(stored);
                    written++;
                }
            }
            requireExamples(written, skipped, names.size(), options);
            writers.forEach(ShardWriter::finish);
            writers.forEach(ShardWriter::publish);
            return new Made(names.subList(0, writers.size()), written, skipped);
        } finally {
            writers.forEach(ShardWriter::close);
        }
    }

    private static void requireExamples(long written, long skipped, int shards, Options options) {
        if (written == 0) {
            throw new UserException("no example to write: the source is empty"
                    + (skipped == 0 ? "" : " but for " + skipped + " damaged images, named in the log"));
        }
        if (options.examplesPerShard() == null && written < shards) {
            throw new UserException(
                    written + " examples do not fill " + shards + " shards: name fewer shards in the pattern");
        }
    }

    /** Returns the writer of the next example: a new one as long as shards are to be begun. */
    private static ShardWriter writer(
            List<ShardWriter> writers, List<Path> names, long written, String pattern, Options options) {
        Integer perShard = options.examplesPerShard();
        long shard = perShard == null ? written % names.size() : written / perShard;
        if (shard >= names.size()) {
            throw new UserException(pattern + " names " + names.size() + " shards of " + perShard
                    + " examples, the source has more: name more shards or raise examples_per_shard");
        }
        if (shard == writers.size()) {
            if (perShard != null && shard > 0) {
                writers.get((int) shard - 1).finish();
            }
            writers.add(new ShardWriter(names.get((int) shard)));
        }
        return writers.get((int) shard);
    }

    /** Returns the example as it is to be written, or null when its image is damaged. */
    private static ShardExample stored(ShardExample example, Options options) {
        try {
            if (options.resolution() == null) {
                ImageHeader.read(example.image());
                return example;
            }
            int resolution = options.resolution();
            byte[] pixels = new ImageDecoder(resolution).decode(example.image());
            String format = options.format() != null
                    ? options.format()
                    : example.extension().equals("jpg") ? "jpg" : "png";
            byte[] image = ImageEncoder.encode(pixels, resolution, format);
            return new ShardExample(example.key(), image, format, example.caption(), example.json());
        } catch (ImageException e) {
            LOG.warn("left out {}: {}", example.key(), e.getMessage());
            return null;
        }
    }
}

package org.rekindle.data.shards;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.rekindle.data.UserException;

/** {@code shards make}: writes the examples of a source into shards. */
public final class ShardMaker {

    /** Shards that are open at once when examples are dealt out; systems allow a process about a thousand files. */
    private static final int MAX_OPEN_SHARDS = 512;

    private ShardMaker() {}

    /**
     * How the shards are cut and the images stored.
     *
     * @param examplesPerShard fills one shard after the other; null, without {@code shardBytes}, deals the examples out to all shards of the
     *     pattern in turn
     * @param shardBytes fills one shard after the other, each up to the first example that takes it to this size
     * @param resize {@code crop} (default) to a square of {@code resolution}, or {@code shorter}: the shorter side becomes
     *     {@code resolution} and the aspect stays; smaller images are not enlarged
     * @param resolution in pixels; null stores the source's bytes as they are
     * @param format {@code png} or {@code jpg}, how resized images are encoded; null keeps jpg and makes all others png
     * @param quality of jpg, 1 to 100, default 95
     * @param workers threads that resize, default one a processor; they change no byte
     */
    public record Options(
            Integer examplesPerShard,
            Long shardBytes,
            String resize,
            Integer resolution,
            String format,
            Integer quality,
            Integer workers) {

        static final String CROP = "crop";
        static final String SHORTER = "shorter";

        public static final Options DEFAULT = new Options(null, null, null, null, null, null, null);

        public Options {
            atLeastOne("examples_per_shard", examplesPerShard);
            atLeastOne("shard_bytes", shardBytes);
            atLeastOne("workers", workers);
            if (examplesPerShard != null && shardBytes != null) {
                throw new UserException("examples_per_shard and shard_bytes both say where a shard ends: give one");
            }
            if (resolution != null && (resolution < 1 || resolution > 8192)) {
                throw new UserException("resolution is " + resolution + ", allowed is 1 to 8192");
            }
            if (format != null && !format.equals("png") && !format.equals("jpg")) {
                throw new UserException("format is '" + format + "', allowed are png and jpg");
            }
            if (resize != null && !resize.equals(CROP) && !resize.equals(SHORTER)) {
                throw new UserException("resize is '" + resize + "', allowed are crop and shorter");
            }
            if (quality != null && (quality < 1 || quality > 100)) {
                throw new UserException("quality is " + quality + ", allowed is 1 to 100");
            }
            if (resolution == null && (format != null || resize != null || quality != null)) {
                String key = format != null ? "format" : resize != null ? "resize" : "quality";
                throw new UserException(key + " is '" + (format != null ? format : resize != null ? resize : quality)
                        + "' but images are stored as they are: give resolution too");
            }
            resize = resize == null ? CROP : resize;
            quality = quality == null ? 95 : quality;
            workers = workers == null ? Runtime.getRuntime().availableProcessors() : workers;
        }

        private static void atLeastOne(String key, Number value) {
            if (value != null && value.longValue() < 1) {
                throw new UserException(key + " is " + value + ", allowed is at least 1");
            }
        }

        boolean fillsOneAfterTheOther() {
            return examplesPerShard != null || shardBytes != null;
        }
    }

    /**
     * What was made.
     *
     * @param shards the files, in the pattern's order; fewer than it names when they are filled one after the other
     * @param examples written examples
     * @param skipped examples left out because their image is no image or damaged; each is named in a warning of the log
     */
    public record Made(List<Path> shards, long examples, long skipped) {}

    /** As {@link #make(ShardSource, String, Options, String, LongConsumer)}, for a source that is always the same. */
    public static Made make(ShardSource source, String pattern, Options options) {
        return make(source, pattern, options, options.toString(), written -> {});
    }

    /**
     * Writes all examples of {@code source} into the shards that {@code pattern} names. Shards that are filled one after the other have
     * their names as soon as they are whole, and the same arguments go on behind the last of them. When examples are dealt out, all
     * shards grow until the end, so that none is there under its name before the last is complete, and a killed command begins anew.
     *
     * @param pattern brace notation, such as {@code data/shapes-{000..007}.tar}; its folder is created
     * @param recipe tells this source and these options from others
     * @param progress is told how many examples are written
     * @throws UserException when the source is empty, the pattern names too few or too many shards, a file cannot be written, or another
     *     recipe's shards are there
     */
    public static Made make(ShardSource source, String pattern, Options options, String recipe, LongConsumer progress) {
        List<Path> names = BraceExpansion.expand(pattern).stream().map(Path::of).toList();
        if (options.fillsOneAfterTheOther()) {
            return new FilledShards(names, pattern, options, recipe, progress).make(source);
        }
        if (names.size() > MAX_OPEN_SHARDS) {
            throw new UserException(pattern + " names " + names.size() + " shards, " + MAX_OPEN_SHARDS
                    + " can be filled in turn: give examples_per_shard to fill one after the other");
        }
        return dealOut(source, names, options, progress);
    }

    private static Made dealOut(ShardSource source, List<Path> names, Options options, LongConsumer progress) {
        List<ShardWriter> writers = new ArrayList<>();
        try (Stream<ShardExample> examples = source.examples();
                StoredExamples stored = new StoredExamples(examples.iterator(), options)) {
            long written = 0;
            long skipped = 0;
            while (stored.hasNext()) {
                Optional<ShardExample> example = stored.next();
                if (example.isEmpty()) {
                    skipped++;
                    continue;
                }
                int shard = (int) (written % names.size());
                if (shard == writers.size()) {
                    writers.add(new ShardWriter(names.get(shard)));
                }
                writers.get(shard).add(example.get());
                progress.accept(++written);
            }
            requireExamples(written, skipped);
            if (written < names.size()) {
                throw new UserException(written + " examples do not fill " + names.size()
                        + " shards: name fewer shards in the pattern");
            }
            writers.forEach(ShardWriter::finish);
            writers.forEach(ShardWriter::publish);
            return new Made(names.subList(0, writers.size()), written, skipped);
        } finally {
            writers.forEach(ShardWriter::close);
        }
    }

    static void requireExamples(long written, long skipped) {
        if (written == 0) {
            throw new UserException("no example to write: the source is empty"
                    + (skipped == 0 ? "" : " but for " + skipped + " damaged images, named in the log"));
        }
    }
}

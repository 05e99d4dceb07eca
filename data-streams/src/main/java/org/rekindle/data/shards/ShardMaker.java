package org.rekindle.data.shards;

import java.nio.file.Path;
import java.util.List;

/** {@code shards make}: writes the examples of a source into shards. */
public final class ShardMaker {

    private ShardMaker() {}

    /**
     * How the shards are cut and the images stored.
     *
     * @param examplesPerShard fills one shard after the other; null deals the examples out to all shards of the pattern in turn
     * @param resolution crops and resizes each image to this square; null stores the source's bytes as they are
     * @param format {@code png} or {@code jpg}, how resized images are encoded; null keeps png for png and jpg for the rest
     */
    public record Options(Integer examplesPerShard, Integer resolution, String format) {
        public static final Options DEFAULT = new Options(null, null, null);
    }

    /**
     * What was made.
     *
     * @param shards the files, in the pattern's order
     * @param examples written examples
     * @param skipped examples left out because their image could not be decoded
     */
    public record Made(List<Path> shards, long examples, long skipped) {}

    /**
     * Writes all examples of {@code source} into the shards that {@code pattern} names. Until the last is complete none of them is
     * there under its name.
     *
     * @param pattern brace notation, such as {@code data/shapes-{000..007}.tar}; its folder is created
     * @throws org.rekindle.data.UserException when the source is empty, the pattern names too few shards or a file cannot be written
     */
    public static Made make(ShardSource source, String pattern, Options options) {
        throw new UnsupportedOperationException("lands soon");
    }
}

package org.rekindle.data.shards;

import java.nio.file.Path;
import org.rekindle.data.UserException;

/**
 * How to make shards: the arguments of {@code shards make}, and the section {@code dataset.make} of a run that makes its own data
 * set at its first start.
 *
 * @param source {@code shapes}, {@code colours}, {@code emoji}, {@code folder} or {@code csv}
 * @param input what the source reads: the emoji package or its folder, a folder of images, a CSV file; nothing for shapes and colours
 * @param examples pictures of shapes or colours to draw, default 4096
 * @param seed keys what is drawn, default 0
 * @param examplesPerShard fills one shard after the other; absent deals the examples out to all shards in turn
 * @param resolution crops and resizes each image to this square; absent keeps the bytes as they are
 * @param format {@code png} or {@code jpg}, how resized images are encoded
 */
public record ShardRecipe(
        String source,
        String input,
        Integer examples,
        Long seed,
        Integer examplesPerShard,
        Integer resolution,
        String format) {

    public ShardRecipe {
        examples = examples == null ? 4096 : examples;
        seed = seed == null ? 0L : seed;
    }

    /**
     * Makes the shards that {@code pattern} names.
     *
     * @param pattern brace notation, such as {@code data/shapes-{000..007}.tar}
     * @throws UserException when the recipe is not complete, or as {@link ShardMaker#make}
     */
    public ShardMaker.Made make(String pattern) {
        return ShardMaker.make(open(), pattern, new ShardMaker.Options(examplesPerShard, resolution, format));
    }

    private ShardSource open() {
        if (source == null) {
            throw new UserException("source is not set: choose shapes, colours, emoji, folder or csv");
        }
        return switch (source) {
            case "shapes" -> new ShapesSource(examples, seed);
            case "colours" -> new ColoursSource(examples, seed);
            case "emoji" ->
                new EmojiSource(inputPath("the file that 'npm pack emoji-datasource-google@16.0.0' writes"));
            case "folder" -> new FolderSource(inputPath("a folder of images with a .txt beside each"));
            case "csv" -> new CsvSource(inputPath("a CSV file with the columns path and caption"));
            default ->
                throw new UserException(
                        "source '" + source + "' is unknown: choose shapes, colours, emoji, folder or csv");
        };
    }

    private Path inputPath(String what) {
        if (input == null) {
            throw new UserException("input is not set: source " + source + " reads " + what);
        }
        return Path.of(input);
    }
}

package org.rekindle.data.shards;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.function.LongConsumer;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.Sha256;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;

/**
 * How to make shards: the arguments of {@code shards make}, and the section {@code dataset.make} of a run that makes its own data
 * set at its first start.
 *
 * @param source {@code shapes}, {@code colours}, {@code emoji}, {@code folder}, {@code csv} or {@code parquet}
 * @param input what the source reads: the emoji package or its folder, a folder of images, a CSV file, Parquet files in brace notation;
 *     nothing for shapes and colours
 * @param examples pictures of shapes or colours to draw, default 4096
 * @param seed keys what is drawn, default 0
 * @param examplesPerShard fills one shard after the other; absent deals the examples out to all shards in turn
 * @param shardBytes fills one shard after the other, up to about this size
 * @param resize {@code crop} or {@code shorter}
 * @param resolution crops and resizes each image to this square; absent keeps the bytes as they are
 * @param format {@code png} or {@code jpg}, how resized images are encoded
 * @param quality of jpg, default 95
 * @param workers threads that resize
 */
public record ShardRecipe(
        String source,
        String input,
        Integer examples,
        Long seed,
        Integer examplesPerShard,
        Long shardBytes,
        String resize,
        Integer resolution,
        String format,
        Integer quality,
        Integer workers) {

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
        return make(pattern, written -> {});
    }

    /** @param progress is told how many examples are written */
    public ShardMaker.Made make(String pattern, LongConsumer progress) {
        ShardMaker.Options options =
                new ShardMaker.Options(examplesPerShard, shardBytes, resize, resolution, format, quality, workers);
        return ShardMaker.make(open(), pattern, options, identity(), progress);
    }

    /**
     * Checks that the source is one that there is, and that what it reads is there; reads nothing yet.
     *
     * @throws UserException when it is not
     */
    public void check() {
        open();
    }

    /** The arguments that decide what is in the shards, and the state of the input where that is one file. */
    private String identity() {
        ShardRecipe deciding = new ShardRecipe(
                source, input, examples, seed, examplesPerShard, shardBytes, resize, resolution, format, quality, null);
        String stamp = "";
        try {
            Path file = input == null ? null : Path.of(input);
            if (file != null && Files.isRegularFile(file)) {
                stamp = Files.size(file) + " bytes of " + Files.getLastModifiedTime(file);
            }
        } catch (IOException | InvalidPathException e) {
            stamp = "unknown";
        }
        return Sha256.of(deciding + stamp);
    }

    private ShardSource open() {
        if (source == null) {
            throw new UserException("source is not set: choose shapes, colours, emoji, folder, csv or parquet");
        }
        return switch (source) {
            case "shapes" -> new ShapesSource(examples, seed);
            case "colours" -> new ColoursSource(examples, seed);
            case "emoji" ->
                new EmojiSource(inputPath("the file that 'npm pack emoji-datasource-google@16.0.0' writes"));
            case "folder" -> new FolderSource(inputPath("a folder of images with a .txt beside each"));
            case "csv" -> new CsvSource(inputPath("a CSV file with the columns path and caption"));
            case "parquet" -> new DataSetSource(parquet());
            default ->
                throw new UserException(
                        "source '" + source + "' is unknown: choose shapes, colours, emoji, folder, csv or parquet");
        };
    }

    private DataSet parquet() {
        if (input == null) {
            throw new UserException(
                    "input is not set: source parquet reads Parquet files, such as data/{000..009}.parquet");
        }
        DatasetConfig.Params params = new DatasetConfig.Params(input, null, null, null, null, null, null, null);
        return DataSet.open(new DatasetConfig(DatasetConfig.PARQUET, params, null), "input", input);
    }

    private Path inputPath(String what) {
        if (input == null) {
            throw new UserException("input is not set: source " + source + " reads " + what);
        }
        Path path = Path.of(input);
        if (!Files.exists(path)) {
            throw new UserException("input=" + input + ": no such file or folder; source " + source + " reads " + what);
        }
        return path;
    }
}

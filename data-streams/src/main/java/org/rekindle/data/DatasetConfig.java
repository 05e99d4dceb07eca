package org.rekindle.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import org.rekindle.data.formats.FieldsConfig;
import org.rekindle.data.lanes.BucketsConfig;
import org.rekindle.data.shards.ShardRecipe;
import org.rekindle.data.stores.StoreOptions;

/**
 * The section {@code dataset} of a run's configuration. Absent keys are null here until {@link Params} fills in their defaults.
 *
 * @param type {@code WebDataset}, {@code ClassificationWebDataset}, {@code Parquet}, {@code Csv} or {@code Latents}; names of the original's classes
 *     {@code ParquetDataset}, {@code ParquetTextImageDataset} and {@code CSVDataset} are taken too
 * @param params what the data set's type takes
 * @param make how {@code shards make} makes the shards of {@code params.path} when none of them exists yet; null where they are
 *     there already
 */
public record DatasetConfig(String type, Params params, ShardRecipe make) {

    public static final String WEB_DATASET = "WebDataset";
    public static final String CLASSIFICATION = "ClassificationWebDataset";
    public static final String PARQUET = "Parquet";
    public static final String CSV = "Csv";
    public static final String LATENTS = "Latents";

    public DatasetConfig {
        type = type == null ? WEB_DATASET : ALIASES.getOrDefault(type, type);
    }

    private static final Map<String, String> ALIASES =
            Map.of("ParquetDataset", PARQUET, "ParquetTextImageDataset", PARQUET, "CSVDataset", CSV);

    /**
     * @param path shards in brace notation, such as {@code data/shapes-{000..007}.tar}: local files, globs, folders,
     *     {@code http(s)://}, {@code s3://}, {@code pipe:COMMAND}
     * @param batchSize examples per lane and step
     * @param workers threads that decode, per GPU; at least 1
     * @param numExamplesToSee examples of the whole run
     * @param resolution side of the square images in pixels, default 512
     * @param filters metadata filters by json key, such as {@code pwatermark: "<=0.5"}; all must hold
     * @param shuffleBuffer examples per block of the block shuffle, default 2000
     * @param textDropout share of captions replaced by the empty string, default 0
     * @param fields where an example's parts are; null for each format's defaults
     * @param classMapping prompts of the classes of a {@code ClassificationWebDataset}, or a JSON file of them
     * @param idxToPrompt the same under the name of the original's README
     * @param multiCaption which of several captions an example is trained with: {@code random} (default, anew in each epoch) or
     *     {@code first}
     * @param randomCrop whether the square (or bucket) is cut out at a random place; default false, the centre
     * @param horizontalFlip whether half of the images, drawn anew in each epoch, are mirrored; default false
     * @param buckets sizes of other aspect ratios than 1; null for squares
     * @param onShardError {@code skip} or {@code stop}, for shards that are damaged or cannot be had; absent skips the damaged ones,
     *     which are so at every reading, and stops at the others
     * @param filterPatience examples in a row that may be turned away before the run stops, default 20,000
     * @param maxImagePixels pixels of the largest image that is decoded, default 178,956,970 as Pillow has it
     * @param s3 how S3 is reached; null for the environment's way
     * @param indexFolder folder of the shards' index files; absent looks beside local shards
     */
    public record Params(
            String path,
            Integer batchSize,
            Integer workers,
            Long numExamplesToSee,
            Integer resolution,
            Map<String, String> filters,
            Integer shuffleBuffer,
            Double textDropout,
            FieldsConfig fields,
            JsonNode classMapping,
            JsonNode idxToPrompt,
            String multiCaption,
            Boolean randomCrop,
            Boolean horizontalFlip,
            BucketsConfig buckets,
            String onShardError,
            Integer filterPatience,
            Long maxImagePixels,
            StoreOptions s3,
            String indexFolder) {

        public static final String FIRST = "first";
        public static final String RANDOM = "random";
        public static final String SKIP = "skip";
        public static final String STOP = "stop";

        /** WebDataset shards as its tools write them; all else by default. */
        public Params(
                String path,
                Integer batchSize,
                Integer workers,
                Long numExamplesToSee,
                Integer resolution,
                Map<String, String> filters,
                Integer shuffleBuffer,
                Double textDropout) {
            this(
                    path,
                    batchSize,
                    workers,
                    numExamplesToSee,
                    resolution,
                    filters,
                    shuffleBuffer,
                    textDropout,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null);
        }

        public Params {
            workers = workers == null || workers < 1 ? 1 : workers;
            resolution = resolution == null ? 512 : resolution;
            filters = filters == null ? Map.of() : Map.copyOf(filters);
            shuffleBuffer = shuffleBuffer == null ? 2000 : shuffleBuffer;
            textDropout = textDropout == null ? 0.0 : textDropout;
            classMapping = classMapping == null || classMapping.isNull() ? null : classMapping;
            idxToPrompt = idxToPrompt == null || idxToPrompt.isNull() ? null : idxToPrompt;
            multiCaption = multiCaption == null ? RANDOM : multiCaption;
            randomCrop = randomCrop != null && randomCrop;
            horizontalFlip = horizontalFlip != null && horizontalFlip;
            filterPatience = filterPatience == null ? 20_000 : filterPatience;
        }
    }
}

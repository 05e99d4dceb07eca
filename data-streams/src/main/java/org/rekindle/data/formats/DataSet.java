package org.rekindle.data.formats;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.latents.EncodedExample;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Shard;
import org.rekindle.data.stores.Stores;

/**
 * A data set that can be read: where its shards lie and what is in them.
 *
 * @param config the section {@code dataset}
 * @param shards in the order of {@code dataset.params.path}
 * @param format of the shards
 */
public record DataSet(DatasetConfig config, List<Shard> shards, ExampleFormat format) {

    /** Where the metadata of made shards keep several captions. */
    public static final String CAPTIONS = "captions";

    /** Of several captions, whose states are all there, the metadata keep the list. */
    private static final FieldsConfig LATENT_FIELDS =
            new FieldsConfig(EncodedExample.SUFFIX, "json." + CAPTIONS + ";txt", null, null);

    /**
     * Finds the shards of {@code dataset.params.path} and looks at the beginning of those on this machine: what is wrong shows at the start
     * of a run, not days into it.
     *
     * @throws UserException when the path is absent or malformed, or when a shard is missing, unreadable or of another format
     */
    public static DataSet open(DatasetConfig config) {
        return open(config, "dataset.params.path", config.params().path());
    }

    /**
     * Opens other shards of the same kind.
     *
     * @param key the configuration's key of the path, for errors
     */
    public static DataSet open(DatasetConfig config, String key, String path) {
        DataSet dataSet = of(config, Stores.of(config.params().s3()).resolve(key, path));
        dataSet.shards().stream().filter(LocalShard.class::isInstance).forEach(dataSet.format()::require);
        return dataSet;
    }

    /**
     * Chooses the format that {@code dataset.type} names.
     *
     * @throws UserException when its parameters are malformed
     */
    public static DataSet of(DatasetConfig config, List<Shard> shards) {
        return new DataSet(config, List.copyOf(shards), format(config));
    }

    /** The section {@code dataset.params}. */
    public DatasetConfig.Params params() {
        return config.params();
    }

    /** The same data set with other shards. */
    public DataSet of(List<Shard> others) {
        return new DataSet(config, List.copyOf(others), format);
    }

    /** Opens all shards, one after the other, to be read whole; what cannot be read is told to the listener and left out. */
    public ExampleReader all(ReadListener listener) {
        return new AllExamples(shards, format, listener);
    }

    private static ExampleFormat format(DatasetConfig config) {
        DatasetConfig.Params params = config.params();
        boolean filtered = !params.filters().isEmpty();
        ShardIndexes indexes = new ShardIndexes(params.indexFolder() == null ? null : Path.of(params.indexFolder()));
        Stores stores = Stores.of(params.s3());
        return switch (config.type()) {
            case DatasetConfig.WEB_DATASET -> WebDatasetFormat.of(params.fields(), null, filtered, indexes);
            case DatasetConfig.LATENTS -> WebDatasetFormat.of(LATENT_FIELDS, null, filtered, indexes);
            case DatasetConfig.CLASSIFICATION ->
                WebDatasetFormat.of(params.fields(), classes(params), filtered, indexes);
            case DatasetConfig.PARQUET ->
                new ParquetFormat(TableColumns.of(params.fields(), classesIfAny(params)), stores);
            case DatasetConfig.CSV -> new CsvFormat(TableColumns.of(params.fields(), classesIfAny(params)), stores);
            default -> throw new UserException("dataset.type: \"" + config.type() + "\" is not known");
        };
    }

    private static ClassPrompts classesIfAny(DatasetConfig.Params params) {
        return params.classMapping() == null && params.idxToPrompt() == null ? null : classes(params);
    }

    private static ClassPrompts classes(DatasetConfig.Params params) {
        JsonNode mapping = params.classMapping() != null ? params.classMapping() : params.idxToPrompt();
        if (mapping == null || (params.classMapping() != null && params.idxToPrompt() != null)) {
            throw new UserException(
                    "dataset.params: give either class_mapping or idx_to_prompt, the prompts of each class,"
                            + " for dataset.type " + DatasetConfig.CLASSIFICATION);
        }
        return ClassPrompts.read(
                "dataset.params." + (params.classMapping() != null ? "class_mapping" : "idx_to_prompt"), mapping);
    }
}

package org.rekindle.data;

import java.util.Map;
import org.rekindle.data.shards.ShardRecipe;

/**
 * The section {@code dataset} of a run's configuration. Absent keys are null here until {@link Params} fills in their defaults.
 *
 * @param type {@code WebDataset}
 * @param params what the data set's type takes
 * @param make how {@code shards make} makes the shards of {@code params.path} when none of them exists yet; null where they are
 *     there already
 */
public record DatasetConfig(String type, Params params, ShardRecipe make) {

    public DatasetConfig {
        type = type == null ? "WebDataset" : type;
    }

    /**
     * @param path shards in brace notation, such as {@code data/shapes-{000..007}.tar}
     * @param batchSize examples per lane and step
     * @param workers threads that decode, per GPU; at least 1
     * @param numExamplesToSee examples of the whole run
     * @param resolution side of the square images in pixels, default 512
     * @param filters metadata filters by json key, such as {@code pwatermark: "<=0.5"}; all must hold
     * @param shuffleBuffer examples per block of the block shuffle, default 2000
     * @param textDropout share of captions replaced by the empty string, default 0
     */
    public record Params(
            String path,
            Integer batchSize,
            Integer workers,
            Long numExamplesToSee,
            Integer resolution,
            Map<String, String> filters,
            Integer shuffleBuffer,
            Double textDropout) {

        public Params {
            workers = workers == null || workers < 1 ? 1 : workers;
            resolution = resolution == null ? 512 : resolution;
            filters = filters == null ? Map.of() : Map.copyOf(filters);
            shuffleBuffer = shuffleBuffer == null ? 2000 : shuffleBuffer;
            textDropout = textDropout == null ? 0.0 : textDropout;
        }
    }
}

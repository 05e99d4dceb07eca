package org.rekindle.coordinator.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.Sha256;

/** A run's identity: SHA-256 over the values its numbers depend on, in the order of their names. */
final class ConfigurationHash {

    /** Values that change where a run writes, how fast it is and how long it goes on, and none of its numbers. */
    private static final Map<String, List<String>> WITHOUT_EFFECT = Map.of(
            "", List.of("wandb", "config", "config_dir", "distributed", "experiment", "validation", "monitoring"),
            "/system",
                    List.of(
                            "workers",
                            "dist_backend",
                            "dist_url",
                            "threads",
                            "encode_batch_size",
                            "lanes",
                            "gradient_accumulation",
                            "min_workers",
                            "max_workers",
                            "max_skipped_steps"),
            "/model", List.of("gradient_checkpointing", "xformers"),
            "/dataset", List.of("make"),
            "/dataset/params",
                    List.of(
                            "workers",
                            "num_examples_to_see",
                            "filter_patience",
                            "max_image_pixels",
                            "on_shard_error",
                            "index_folder",
                            "s3"));

    /** Values of {@code dataset.params} that came later: a configuration without them is what it was. */
    private static final Map<String, Object> LATER =
            Map.of("multi_caption", DatasetConfig.Params.RANDOM, "random_crop", false, "horizontal_flip", false);

    private ConfigurationHash() {}

    static String of(RunConfig config) {
        return Sha256.of(sorted(tree(config)).toString());
    }

    /** The values themselves, by dotted key, and what all nodes must have alike though no number depends on it. */
    static SortedMap<String, String> values(RunConfig config) {
        SortedMap<String, String> values = new TreeMap<>();
        collect("", tree(config), values);
        values.put(
                "distributed.shard_optimizer",
                Boolean.toString(config.distributed().shardOptimizer()));
        values.put("distributed.bucket_mib", config.distributed().bucketMib().toString());
        return values;
    }

    private static void collect(String prefix, JsonNode node, SortedMap<String, String> values) {
        if (node instanceof ObjectNode section && !section.isEmpty()) {
            section.properties().forEach(entry -> collect(prefix + "." + entry.getKey(), entry.getValue(), values));
        } else {
            values.put(prefix.substring(1), node.toString());
        }
    }

    private static ObjectNode tree(RunConfig config) {
        ObjectNode tree = (ObjectNode) Mapping.tree(config);
        WITHOUT_EFFECT.forEach((section, names) -> ((ObjectNode) tree.at(section)).remove(names));
        ObjectNode params = (ObjectNode) tree.at("/dataset/params");
        LATER.forEach((name, value) -> {
            if (params.path(name).asText().equals(value.toString())) {
                params.remove(name);
            }
        });
        if (!config.distributed().gradientDtype().equals(DistributedConfig.FLOAT32)) {
            tree.put("gradient_dtype", config.distributed().gradientDtype());
        }
        if (config.lrScheduler().scheduler().equals(LrSchedulerConfig.COSINE_WITH_WARMUP)) {
            tree.put("num_examples_to_see", config.experiment().numExamplesToSee());
        }
        return tree;
    }

    private static JsonNode sorted(JsonNode node) {
        if (!(node instanceof ObjectNode section)) {
            return node;
        }
        Map<String, JsonNode> ordered = new TreeMap<>();
        section.properties().forEach(entry -> ordered.put(entry.getKey(), sorted(entry.getValue())));
        return Mapping.nodes().objectNode().setAll(ordered);
    }
}

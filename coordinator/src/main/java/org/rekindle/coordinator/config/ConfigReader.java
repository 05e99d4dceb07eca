package org.rekindle.coordinator.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;

/**
 * Reads {@code config=path key=value ...}: the YAML of the original with OmegaConf's semantics. Overrides are in dot notation, such as
 * {@code system.batch_size=4}, and their values are YAML; {@code ${config_dir}} is the folder of the YAML.
 */
public final class ConfigReader {

    private static final List<String> SECTIONS = Arrays.stream(RunConfig.class.getRecordComponents())
            .map(component -> component.getName().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT))
            .toList();

    private final ObjectNode root;
    private final Interpolations interpolations;
    private final String origin;

    private ConfigReader(List<String> arguments, UnaryOperator<String> environment) {
        root = DotList.read(arguments);
        interpolations = new Interpolations(root, environment);
        origin = root.get("config").textValue();
        checkSections();
    }

    /**
     * Reads a whole run's configuration.
     *
     * @param arguments {@code config=path} and overrides; no shell is involved, so quotes are YAML's
     * @throws UserException in one line, when anything is wrong with it
     */
    public static RunConfig read(List<String> arguments) {
        return read(arguments, System::getenv);
    }

    static RunConfig read(List<String> arguments, UnaryOperator<String> environment) {
        return new ConfigReader(arguments, environment).run();
    }

    /**
     * Reads the section {@code dataset} alone; other sections serve interpolations and need not be complete. The batch size is 1 where
     * nothing says it.
     *
     * @param arguments as in {@link #read}
     */
    public static DatasetConfig readDataset(List<String> arguments) {
        ConfigReader reader = new ConfigReader(arguments, System::getenv);
        DatasetConfig dataset = reader.dataset(Mapping.nodes().numberNode(1));
        RequiredKeys required = new RequiredKeys(reader.origin, reader.interpolations.unfilled());
        RunChecks.require(required, dataset);
        required.check();
        DatasetChecks.validate(new Allowed(reader.origin), dataset);
        return dataset;
    }

    /**
     * Reads the section {@code model} alone; other sections serve interpolations and need not be complete.
     *
     * @param arguments as in {@link #read}
     */
    public static ModelConfig readModel(List<String> arguments) {
        ConfigReader reader = new ConfigReader(arguments, System::getenv);
        ModelConfig model = reader.bind("model", ModelConfig.class);
        RequiredKeys required = new RequiredKeys(reader.origin, reader.interpolations.unfilled());
        RunChecks.require(required, model);
        required.check();
        RunChecks.validate(new Allowed(reader.origin), model);
        return model;
    }

    private RunConfig run() {
        RunConfig config = new RunConfig(
                bind("system", SystemConfig.class),
                bind("distributed", DistributedConfig.class),
                bind("experiment", ExperimentConfig.class),
                bind("optimizer", OptimizerConfig.class),
                bind("model", ModelConfig.class),
                dataset(Mapping.nodes().nullNode()),
                bind("lr_scheduler", LrSchedulerConfig.class),
                bind("objective", ObjectiveConfig.class),
                bind("validation", ValidationConfig.class),
                bind("monitoring", MonitoringConfig.class),
                root.get("wandb"),
                origin,
                root.get("config_dir").textValue());
        RequiredKeys required = new RequiredKeys(origin, interpolations.unfilled());
        RunChecks.require(required, config);
        required.check();
        RunChecks.validate(new Allowed(origin), config);
        return config;
    }

    /** Batch size, workers and length of the data set follow the run's where the section does not say them. */
    private DatasetConfig dataset(JsonNode batchSize) {
        ObjectNode dataset = section("dataset");
        if (dataset.path("params").isNull() || dataset.path("params").isMissingNode()) {
            dataset.putObject("params");
        }
        if (dataset.get("params") instanceof ObjectNode params) {
            refuseNulls(params.path("filters"));
            follow(params, "batch_size", "system");
            follow(params, "workers", "system");
            follow(params, "num_examples_to_see", "experiment");
        }
        if (dataset.get("params") instanceof ObjectNode params && !params.has("batch_size")) {
            params.set("batch_size", batchSize);
        }
        return Mapping.bind(dataset, DatasetConfig.class, "dataset", origin);
    }

    private void refuseNulls(JsonNode filters) {
        filters.properties().forEach(filter -> {
            if (filter.getValue().isNull()) {
                throw new UserException(origin + ": dataset.params.filters." + filter.getKey()
                        + " is empty; write a condition such as \"<=0.5\", or leave the key out");
            }
        });
    }

    private void follow(ObjectNode params, String key, String section) {
        boolean open = !params.hasNonNull(key) && !interpolations.unfilled().containsKey("dataset.params." + key);
        JsonNode value =
                open ? interpolations.value(section, key) : Mapping.nodes().missingNode();
        if (!value.isMissingNode()) {
            params.set(key, value);
        }
    }

    private <T> T bind(String name, Class<T> type) {
        return Mapping.bind(section(name), type, name, origin);
    }

    /** An absent section is an empty one: what is missing in it shows key by key. */
    private ObjectNode section(String name) {
        JsonNode section = interpolations.section(name);
        if (section.isMissingNode() || section.isNull()) {
            return Mapping.nodes().objectNode();
        } else if (section instanceof ObjectNode object) {
            return object;
        }
        throw new UserException(origin + ": " + name + ": " + Mapping.shown(section) + " is not a section of keys");
    }

    private void checkSections() {
        root.fieldNames().forEachRemaining(name -> {
            if (!SECTIONS.contains(name)) {
                String hint = NearestKey.hint(name, SECTIONS);
                throw new UserException(origin + ": unknown key " + name
                        + (hint.isEmpty() ? "; known here: " + String.join(", ", SECTIONS) : hint));
            }
        });
    }
}

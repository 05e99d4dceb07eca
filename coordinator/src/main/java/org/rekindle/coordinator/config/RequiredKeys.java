package org.rekindle.coordinator.config;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rekindle.data.UserException;

/**
 * Collects the keys that are needed and have no value, so that one line names them all. A key that says {@code ???} and is not needed is
 * no error, as in OmegaConf, which complains when such a key is read.
 */
final class RequiredKeys {

    /** Keys of the original that nothing here reads, or whose absence means something. */
    private static final Set<String> NEVER_NEEDED = Set.of(
            "system.dist_backend",
            "system.dist_url",
            "distributed.dist_backend",
            "distributed.dist_url",
            "experiment.project",
            "experiment.eval_caption_file");

    private static final Map<String, String> EXAMPLES = Map.ofEntries(
            Map.entry("experiment.log_dir", "FOLDER"),
            Map.entry("experiment.name", "NAME"),
            Map.entry("experiment.num_examples_to_see", "100000"),
            Map.entry("system.batch_size", "8"),
            Map.entry("optimizer.params.learning_rate", "0.0001"),
            Map.entry("dataset.params.path", "'data/{000..007}.tar'"),
            Map.entry("dataset.params.num_examples_to_see", "100000"));

    private final String origin;
    private final Map<String, String> unfilled;
    private final Set<String> needed = new LinkedHashSet<>();

    /**
     * @param origin the YAML, for errors
     * @param unfilled keys that say {@code ???}, or refer to one, each with the key that does
     */
    RequiredKeys(String origin, Map<String, String> unfilled) {
        this.origin = origin;
        this.unfilled = unfilled;
    }

    /** Declares that {@code key} is needed whatever else is set; {@code value} is null where it is absent. */
    void need(String key, Object value) {
        if (value == null) {
            needed.add(unfilled.getOrDefault(key, key));
        }
    }

    /**
     * Declares that each key that says {@code ???} is needed, save those of the original that nothing reads.
     *
     * @param except keys, or prefixes of keys that end in a dot, that the other values make needless
     */
    void needUnfilled(List<String> except) {
        unfilled.forEach((key, cause) -> {
            boolean exempt = NEVER_NEEDED.contains(key)
                    || except.stream().anyMatch(e -> e.endsWith(".") ? key.startsWith(e) : key.equals(e));
            if (!exempt) {
                needed.add(cause);
            }
        });
    }

    boolean isUnfilled(String key) {
        return unfilled.containsKey(key);
    }

    /** @throws UserException in one line that names every key still needed and what to write */
    void check() {
        if (needed.isEmpty()) {
            return;
        }
        List<String> arguments =
                needed.stream().map(key -> key + "=" + example(key)).toList();
        throw new UserException(origin + ": " + String.join(", ", needed)
                + (needed.size() == 1 ? " needs a value" : " need values")
                + " (absent or ???): write it there or add to the command line " + String.join(" ", arguments));
    }

    private static String example(String key) {
        return EXAMPLES.getOrDefault(key, key.endsWith(".pretrained") ? "PIPELINE_FOLDER" : "VALUE");
    }
}

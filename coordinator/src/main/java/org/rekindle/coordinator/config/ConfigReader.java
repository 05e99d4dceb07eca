package org.rekindle.coordinator.config;

import java.util.List;
import org.rekindle.data.DatasetConfig;

/**
 * Reads {@code config=path key=value ...}: the YAML of the original with OmegaConf's semantics.
 */
public final class ConfigReader {

    private ConfigReader() {}

    /**
     * Reads a whole run's configuration.
     *
     * @param arguments {@code config=path} and overrides in dot notation, such as {@code system.batch_size=4}; values are YAML
     * @throws org.rekindle.data.UserException in one line, when anything is wrong with it
     */
    public static RunConfig read(List<String> arguments) {
        throw new UnsupportedOperationException("being written");
    }

    /**
     * Reads the section {@code dataset} alone; other sections serve interpolations and need not be complete.
     *
     * @param arguments as in {@link #read}
     */
    public static DatasetConfig readDataset(List<String> arguments) {
        throw new UnsupportedOperationException("being written");
    }

    /**
     * Reads the section {@code model} alone; other sections serve interpolations and need not be complete.
     *
     * @param arguments as in {@link #read}
     */
    public static ModelConfig readModel(List<String> arguments) {
        throw new UnsupportedOperationException("being written");
    }
}

package org.rekindle.coordinator.config;

import com.fasterxml.jackson.annotation.JsonIgnore;

/**
 * The section {@code validation}: a loss on examples that the run does not train on.
 *
 * @param path shards in brace notation; null for no validation
 * @param numExamples examples to take at most, the first that pass {@code dataset.params.filters}, default 256
 * @param every optimizer steps between validations, default 1000
 */
public record ValidationConfig(String path, Integer numExamples, Integer every) {

    public ValidationConfig {
        if (path != null) {
            numExamples = numExamples == null ? 256 : numExamples;
            every = every == null ? 1000 : every;
        }
    }

    @JsonIgnore
    public boolean isOn() {
        return path != null;
    }
}

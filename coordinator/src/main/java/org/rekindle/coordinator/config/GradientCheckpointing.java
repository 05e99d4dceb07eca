package org.rekindle.coordinator.config;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/** {@code model.gradient_checkpointing}: what of the activations is computed again in the backward pass. */
public enum GradientCheckpointing {
    /** Nothing. */
    FALSE,
    /** Every segment of the model. */
    TRUE,
    /** As few segments as the memory of the worker's device allows; each worker for itself. */
    AUTO;

    @JsonCreator
    static GradientCheckpointing of(String value) {
        for (GradientCheckpointing each : values()) {
            if (each.name().equalsIgnoreCase(value.strip())) {
                return each;
            }
        }
        throw new IllegalArgumentException(value);
    }

    /** As a configuration says it: true, false or the text auto. */
    @JsonValue
    Object value() {
        return this == AUTO ? "auto" : (Object) (this == TRUE);
    }

    @Override
    public String toString() {
        return value().toString();
    }
}

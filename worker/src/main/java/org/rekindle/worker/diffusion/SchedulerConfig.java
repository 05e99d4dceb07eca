package org.rekindle.worker.diffusion;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import org.rekindle.coordinator.config.SchedulerKeys;
import org.rekindle.data.UserException;

/** Typed look-ups in a scheduler's config, with one-line errors that name the key. */
record SchedulerConfig(ObjectNode json) {

    private static final String WHERE = "scheduler config";

    /**
     * Checks that no key would be ignored without anybody knowing; keys that begin with an underscore are diffusers' notes to itself.
     *
     * @throws UserException naming the first unknown key
     */
    void requireKnownKeys() {
        json.fieldNames().forEachRemaining(key -> {
            if (!key.startsWith("_") && !SchedulerKeys.KNOWN.contains(key)) {
                throw new UserException(WHERE + ": unknown key " + key
                        + "; correct or remove it in scheduler_config.json, as no scheduler would heed it");
            }
        });
    }

    double number(String key, double absent) {
        return given(key)
                .map(value -> {
                    if (!value.isNumber()) {
                        throw wrong(key, "a number");
                    }
                    return value.asDouble();
                })
                .orElse(absent);
    }

    int integer(String key, int absent) {
        return given(key)
                .map(value -> {
                    if (!value.canConvertToExactIntegral() || !value.canConvertToInt()) {
                        throw wrong(key, "a whole number");
                    }
                    return value.asInt();
                })
                .orElse(absent);
    }

    boolean flag(String key, boolean absent) {
        return given(key)
                .map(value -> {
                    if (!value.isBoolean()) {
                        throw wrong(key, "true or false");
                    }
                    return value.asBoolean();
                })
                .orElse(absent);
    }

    String text(String key, String absent) {
        return given(key).map(JsonNode::asText).orElse(absent);
    }

    /** As {@link #text}, for a key that has few meanings. */
    String choice(String key, String absent, String... allowed) {
        String value = text(key, absent);
        if (!List.of(allowed).contains(value)) {
            throw wrong(key, String.join(" or ", allowed));
        }
        return value;
    }

    /** Checks that none of these variants is switched on. */
    void requireOff(String... keys) {
        for (String key : keys) {
            if (flag(key, false)) {
                throw wrong(key, "false, as this variant is not supported");
            }
        }
    }

    /** The key's value, empty where the key is absent or null. */
    Optional<JsonNode> given(String key) {
        return Optional.ofNullable(json.get(key)).filter(value -> !value.isNull());
    }

    UserException wrong(String key, String expected) {
        return new UserException(WHERE + ": " + key + " is " + json.get(key) + ", expected " + expected
                + "; correct scheduler_config.json");
    }
}

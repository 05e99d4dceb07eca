package org.rekindle.worker.models;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.rekindle.data.UserException;

/**
 * The values of a model's {@code config.json}, with diffusers' defaults for absent keys. Whatever can't be had becomes a
 * {@link UserException} that names the key, the value and what is supported. A null is a value as in Python: it does not stand for the
 * default.
 */
final class ConfigValues {

    private final String model;
    private final ObjectNode config;
    private final Set<String> known = new HashSet<>();

    ConfigValues(String model, ObjectNode config) {
        this.model = model;
        this.config = config;
    }

    /** Null for an absent key. */
    private JsonNode get(String key) {
        known.add(key);
        return config.get(key);
    }

    UserException unsupported(String key, String supported) {
        return new UserException("%s: %s = %s is not supported; supported: %s"
                .formatted(model, key, config.path(key).isMissingNode() ? "absent" : config.get(key), supported));
    }

    /** A whole number of at least {@code min}. */
    int integer(String key, int defaultValue, int min) {
        JsonNode value = get(key);
        if (value == null) {
            return defaultValue;
        }
        if (!value.canConvertToInt() || !value.canConvertToExactIntegral() || value.intValue() < min) {
            throw unsupported(key, "a whole number of at least " + min);
        }
        return value.intValue();
    }

    double number(String key, double defaultValue) {
        JsonNode value = get(key);
        if (value == null) {
            return defaultValue;
        }
        if (!value.isNumber()) {
            throw unsupported(key, "a number");
        }
        return value.doubleValue();
    }

    /** A flag; null, as older converters wrote it, is false. */
    boolean flag(String key, boolean defaultValue) {
        JsonNode value = get(key);
        if (value == null) {
            return defaultValue;
        }
        if (!value.isBoolean() && !value.isNull()) {
            throw unsupported(key, "true, false");
        }
        return value.booleanValue();
    }

    /** Flags, false by default: a list of {@code size}, or one flag for all. */
    List<Boolean> flags(String key, int size) {
        JsonNode value = get(key);
        if (value == null || !value.isArray()) {
            return Collections.nCopies(size, flag(key, false));
        }
        List<Boolean> list = new ArrayList<>();
        for (JsonNode element : value) {
            if (element.isBoolean()) {
                list.add(element.booleanValue());
            }
        }
        if (list.size() != size || value.size() != size) {
            throw unsupported(key, "true, false or a list of " + size + " of them, one for each block");
        }
        return list;
    }

    /** Positive whole numbers: a list of {@code size}, or one number for all. */
    List<Integer> integers(String key, int defaultValue, int size) {
        JsonNode value = get(key);
        if (value == null || !value.isArray()) {
            return Collections.nCopies(size, integer(key, defaultValue, 1));
        }
        List<Integer> list = integerList(key, List.of());
        if (list.size() != size) {
            throw unsupported(key, "one number or a list of " + size + ", one for each block");
        }
        return list;
    }

    /** A non-empty list of positive whole numbers. */
    List<Integer> integerList(String key, List<Integer> defaultValue) {
        JsonNode value = get(key);
        if (value == null) {
            return defaultValue;
        }
        List<Integer> list = new ArrayList<>();
        for (JsonNode element : value) {
            if (!element.canConvertToInt() || !element.isIntegralNumber() || element.intValue() < 1) {
                throw unsupported(key, "positive whole numbers");
            }
            list.add(element.intValue());
        }
        if (list.isEmpty()) {
            throw unsupported(key, "a list of positive whole numbers");
        }
        return list;
    }

    /** One of the supported words; the first is the default. */
    String word(String key, String... supported) {
        JsonNode value = get(key);
        if (value == null) {
            return supported[0];
        }
        if (!value.isTextual() || !Arrays.asList(supported).contains(value.textValue())) {
            throw unsupported(key, String.join(", ", supported));
        }
        return value.textValue();
    }

    /** A list of supported words. */
    List<String> words(String key, List<String> defaultValue, String... supported) {
        JsonNode value = get(key);
        if (value == null) {
            return defaultValue;
        }
        List<String> list = new ArrayList<>();
        value.forEach(element -> list.add(element.asText()));
        if (!value.isArray() || !Arrays.asList(supported).containsAll(list)) {
            throw unsupported(key, "a list of " + String.join(", ", supported));
        }
        return list;
    }

    /** Accepts only absent, null, or one of the given JSON values, all of which mean that a feature is off. */
    void only(String key, Object... values) {
        JsonNode value = get(key);
        if (value != null
                && !value.isNull()
                && Arrays.stream(values)
                        .noneMatch(v -> v instanceof Number number && value.isNumber()
                                ? number.doubleValue() == value.doubleValue()
                                : v.toString().equals(value.asText()))) {
            throw unsupported(
                    key,
                    values.length == 0
                            ? "null"
                            : Arrays.stream(values).map(Object::toString).collect(Collectors.joining(", ")));
        }
    }

    /** Keys that don't change what the model computes. */
    void ignore(String... keys) {
        known.addAll(Arrays.asList(keys));
    }

    /** Refuses keys that nobody asked for, unless they are null, false or begin with an underscore, so that none is ignored in silence. */
    void refuseUnknown() {
        config.properties().forEach(entry -> {
            JsonNode value = entry.getValue();
            boolean harmless =
                    entry.getKey().startsWith("_") || value.isNull() || value.isBoolean() && !value.booleanValue();
            if (!harmless && !known.contains(entry.getKey())) {
                throw new UserException("%s: unknown key %s = %s; remove it if the model is the same without"
                        .formatted(model, entry.getKey(), value));
            }
        });
    }

    /** Checks that channels split evenly, as in groups or heads. */
    void divides(String key, int divisor, String channelsKey, List<Integer> channels) {
        for (int count : channels) {
            if (count % divisor != 0) {
                throw unsupported(key, "a divisor of every number in " + channelsKey + " = " + channels);
            }
        }
    }
}

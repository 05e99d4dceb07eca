package org.rekindle.coordinator.config;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.rekindle.data.UserException;

/**
 * States what a value may be. Null passes everywhere: whether a key may be absent is {@link RequiredKeys}' matter.
 *
 * @param origin the YAML, for errors
 */
record Allowed(String origin) {

    void oneOf(String key, String value, String... names) {
        if (value != null && !List.of(names).contains(value)) {
            throw new UserException(origin + ": " + key + ": \"" + value + "\" is not "
                    + (names.length == 1 ? names[0] : "one of " + String.join(", ", names))
                    + NearestKey.hint(value, List.of(names)));
        }
    }

    void atLeast(String key, Number value, long least) {
        if (value != null && value.longValue() < least) {
            throw new UserException(origin + ": " + key + ": " + value + " is less than " + least
                    + "; give a whole number from " + least + " on");
        }
    }

    /** Finite and not negative. */
    void notNegative(String key, Double value) {
        if (value != null && !(value >= 0 && Double.isFinite(value))) {
            throw new UserException(origin + ": " + key + ": " + value + " is not a finite number from 0 on");
        }
    }

    void positive(String key, Double value) {
        if (value != null && !(value > 0 && Double.isFinite(value))) {
            throw new UserException(origin + ": " + key + ": " + value + " is not a finite number above 0");
        }
    }

    /** In [0, 1]. */
    void share(String key, Double value) {
        if (value != null && !(value >= 0 && value <= 1)) {
            throw new UserException(origin + ": " + key + ": " + value + " is not a number from 0 to 1");
        }
    }

    /** In [0, 1): the running means of AdamW divide by 1 - beta. */
    void beta(String key, Double value) {
        if (value != null && !(value >= 0 && value < 1)) {
            throw new UserException(origin + ": " + key + ": " + value + " is not a number from 0 to below 1");
        }
    }

    /** A path of this machine's file system. */
    void path(String key, String value) {
        filled(key, value);
        try {
            Path.of(value);
        } catch (InvalidPathException e) {
            throw new UserException(origin + ": " + key + ": \"" + value + "\" is not a path: " + e.getReason(), e);
        }
    }

    /** A path, or {@code s3://bucket/prefix}. */
    void pathOrBucket(String key, String value) {
        if (value == null || !value.startsWith(ExperimentConfig.S3)) {
            path(key, value);
        } else if (!value.matches("s3://[^/]+(/.*)?")) {
            throw new UserException(
                    origin + ": " + key + ": \"" + value + "\" names no bucket: expected s3://bucket/prefix");
        }
    }

    /** Keys of which {@code known} are all; one that begins with an underscore is a note of whoever wrote it. */
    void keys(String section, ObjectNode values, Set<String> known) {
        if (values == null) {
            return;
        }
        values.fieldNames().forEachRemaining(key -> {
            if (!key.startsWith("_") && !known.contains(key)) {
                throw new UserException(origin + ": unknown key " + section + "." + key + NearestKey.hint(key, known));
            }
        });
    }

    /** @param reason completes "KEY: VALUE ..." */
    void absent(String key, Object value, String reason) {
        if (value != null) {
            throw new UserException(origin + ": " + key + ": " + value + " " + reason + "; remove it");
        }
    }

    void filled(String key, String value) {
        if (value != null && value.isBlank()) {
            throw new UserException(origin + ": " + key + " is empty");
        }
    }
}

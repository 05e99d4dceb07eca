package org.rekindle.data.filters;

import com.fasterxml.jackson.databind.JsonNode;
import org.rekindle.data.UserException;

/**
 * A condition on one field of an example's metadata, such as {@code pwatermark: "<=0.5"} or {@code lang: "=='en'"}. A field that is
 * missing, null, not a number (NaN, infinite) or of another type than the condition's values rejects the example.
 *
 * @param key the field; {@code a.b} is a field of that name or, without one, field b of the object a; in lists a number counts from 0
 * @param condition what it may be
 */
public record MetadataFilter(String key, Condition condition) {

    /**
     * Reads an expression.
     *
     * @throws UserException when it is malformed
     */
    public static MetadataFilter parse(String key, String expression) {
        return new MetadataFilter(key, FilterText.read(key, expression));
    }

    /** Returns whether metadata (null for none) passes. */
    public boolean accepts(JsonNode metadata) {
        JsonNode value = metadata == null ? null : find(metadata, key);
        return value != null && condition.accepts(value);
    }

    private static JsonNode find(JsonNode metadata, String path) {
        JsonNode value = metadata.get(path);
        for (int dot = path.indexOf('.'); value == null && dot > 0; dot = path.indexOf('.', dot + 1)) {
            JsonNode inner = child(metadata, path.substring(0, dot));
            value = inner == null ? null : find(inner, path.substring(dot + 1));
        }
        return value != null ? value : child(metadata, path);
    }

    private static JsonNode child(JsonNode node, String name) {
        if (!node.isArray()) {
            return node.get(name);
        }
        return name.matches("\\d{1,9}") ? node.get(Integer.parseInt(name)) : null;
    }

    /** Returns the filter as it may be written, such as {@code pwatermark<=0.5}; the name its rejections are counted by. */
    public String name() {
        return key + condition.text();
    }
}

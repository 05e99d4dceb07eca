package org.rekindle.data.filters;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rekindle.data.UserException;

/**
 * All conditions of {@code dataset.params.filters}; every one must hold.
 *
 * @param filters in the order they are tried, which is that of their keys
 */
public record MetadataFilters(List<MetadataFilter> filters) {

    /** Python's json writes NaN and Infinity, which strict JSON has no word for. */
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    /**
     * Reads the section.
     *
     * @throws UserException when an expression is malformed
     */
    public static MetadataFilters parse(Map<String, String> expressions) {
        return new MetadataFilters(expressions.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(entry -> MetadataFilter.parse(entry.getKey(), entry.getValue()))
                .toList());
    }

    public boolean isEmpty() {
        return filters.isEmpty();
    }

    /** Returns the first filter that rejects the metadata, if any. */
    public Optional<MetadataFilter> rejecting(JsonNode metadata) {
        return filters.stream().filter(filter -> !filter.accepts(metadata)).findFirst();
    }

    /**
     * Decodes the json member of an example; null gives null.
     *
     * @throws IOException when it is not JSON
     */
    public static JsonNode metadata(byte[] json) throws IOException {
        return json == null ? null : JSON.readTree(json);
    }
}

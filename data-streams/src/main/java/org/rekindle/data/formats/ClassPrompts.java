package org.rekindle.data.formats;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rekindle.data.UserException;

/**
 * The prompts of a classification data set's classes: {@code dataset.params.class_mapping}, as the original's program calls it, or
 * {@code idx_to_prompt}, as its README does.
 *
 * @param prompts one or more for each class, by the class as the data writes it, such as {@code 17}
 */
public record ClassPrompts(Map<String, List<String>> prompts) {

    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * Reads the mapping.
     *
     * @param key its key in the configuration, for errors
     * @param mapping an object {@code {"0": "a tench", "1": ["a goldfish", "a golden fish"]}}, or the path of a JSON file that holds one
     * @throws UserException when it is neither
     */
    public static ClassPrompts read(String key, JsonNode mapping) {
        JsonNode object = mapping.isTextual() ? file(key, Path.of(mapping.textValue())) : mapping;
        if (!object.isObject() || object.isEmpty()) {
            throw malformed(key, "is not an object of classes");
        }
        Map<String, List<String>> prompts = new LinkedHashMap<>();
        object.properties().forEach(entry -> prompts.put(entry.getKey(), prompts(key, entry)));
        return new ClassPrompts(prompts);
    }

    /** Returns the prompts of a class; none when it is unknown. */
    public List<String> of(String cls) {
        return prompts.getOrDefault(cls, List.of());
    }

    private static List<String> prompts(String key, Map.Entry<String, JsonNode> entry) {
        List<String> prompts = new ArrayList<>();
        JsonNode value = entry.getValue();
        (value.isArray() ? value : List.of(value)).forEach(prompt -> {
            if (!prompt.isTextual() || prompt.textValue().isBlank()) {
                throw malformed(key, "gives class " + entry.getKey() + " the value " + value);
            }
            prompts.add(prompt.textValue().strip());
        });
        if (prompts.isEmpty()) {
            throw malformed(key, "gives class " + entry.getKey() + " no prompt");
        }
        return List.copyOf(prompts);
    }

    private static JsonNode file(String key, Path file) {
        try {
            return JSON.readTree(Files.readString(file));
        } catch (JacksonException e) {
            throw malformed(
                    key + " (" + file + ")",
                    "is not JSON at line " + e.getLocation().getLineNr());
        } catch (IOException e) {
            throw new UserException(
                    key + ": " + file + " cannot be read (" + UserException.reason(e) + "): name a JSON file", e);
        }
    }

    private static UserException malformed(String key, String why) {
        return new UserException(key + " " + why
                + ": expected {\"0\": \"a prompt\", \"1\": [\"one\", \"another\"]} or the path of such a file");
    }
}

package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.rekindle.data.UserException;

/** The JSON objects of a pipeline directory, read with one-line errors and written the way Python writes them (indent 2). */
public final class JsonFiles {

    /** Knows Python's {@code -Infinity}, which is no JSON but stands in what {@code DPMSolverMultistepScheduler} saves. */
    static final ObjectMapper JSON = JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS)
            .build();

    /** What Jackson adds for programmers. */
    private static final Pattern PARSER_STATE = Pattern.compile("(?s)( \\(start marker at .*|\\R.*)");

    private JsonFiles() {}

    /**
     * Reads a JSON object.
     *
     * @throws UserException naming the file when it is missing, unreadable or not a JSON object
     */
    public static ObjectNode readObject(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new UserException(file + ": no such file; expected a JSON file there");
        }
        try {
            JsonNode node = JSON.readTree(Files.readAllBytes(file));
            if (node instanceof ObjectNode object) {
                return object;
            }
            throw new UserException(file + ": expected a JSON object");
        } catch (JsonProcessingException e) {
            throw new UserException(
                    file + ":" + e.getLocation().getLineNr() + ": not valid JSON ("
                            + PARSER_STATE.matcher(e.getOriginalMessage()).replaceFirst("")
                            + "); correct it or fetch it again",
                    e);
        } catch (IOException e) {
            throw new UserException(file + ": cannot be read (" + e.getMessage() + ")", e);
        }
    }

    /** Writes a JSON object with a final line break. */
    public static void write(Path file, JsonNode object) throws IOException {
        DefaultIndenter indenter = new DefaultIndenter("  ", "\n");
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter(
                Separators.createDefaultInstance().withObjectFieldValueSpacing(Separators.Spacing.AFTER));
        printer.indentObjectsWith(indenter);
        printer.indentArraysWith(indenter);
        String text = JSON.writer(printer).writeValueAsString(object);
        Files.writeString(file, text + "\n", StandardCharsets.UTF_8);
    }
}

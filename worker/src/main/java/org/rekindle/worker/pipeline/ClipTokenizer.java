package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rekindle.data.UserException;

/** CLIP's tokenizer; transformers' {@code CLIPTokenizer}: begin token, byte-pair tokens of the normalised text, end token, padding. */
public final class ClipTokenizer extends FixedLengthTokenizer {

    static final String CLASS_NAME = "CLIPTokenizer";

    private static final int DEFAULT_MODEL_MAX_LENGTH = 77;

    private final long beginToken;

    private ClipTokenizer(Path folder, ObjectNode config, ObjectNode definition, String end) {
        super(
                folder,
                definition,
                modelMaxLength(folder, config, DEFAULT_MODEL_MAX_LENGTH),
                definition.path("model").path("vocab").size(),
                end,
                ClipTokenizerDefinition.specialToken(config, "pad_token", end));
        String begin = ClipTokenizerDefinition.specialToken(config, "bos_token", ClipTokenizerDefinition.BEGIN);
        this.beginToken = id(folder, definition, begin);
    }

    /**
     * Opens the folder {@code tokenizer} of a pipeline: {@code vocab.json} and {@code merges.txt}, or {@code tokenizer.json}, with
     * {@code tokenizer_config.json}.
     *
     * @throws UserException when a file is missing or broken
     */
    public static ClipTokenizer open(Path folder) {
        ObjectNode config = config(folder);
        String end = ClipTokenizerDefinition.specialToken(config, "eos_token", ClipTokenizerDefinition.END);
        return new ClipTokenizer(folder, config, definition(folder, config), end);
    }

    private static ObjectNode definition(Path folder, ObjectNode config) {
        Path merges = folder.resolve("merges.txt");
        Path vocabulary = folder.resolve("vocab.json");
        Path whole = folder.resolve("tokenizer.json");
        if (Files.isRegularFile(whole) && !(Files.isRegularFile(merges) && Files.isRegularFile(vocabulary))) {
            return JsonFiles.readObject(whole);
        }
        return ClipTokenizerDefinition.of(vocabulary, merges, config);
    }

    long beginToken() {
        return beginToken;
    }
}

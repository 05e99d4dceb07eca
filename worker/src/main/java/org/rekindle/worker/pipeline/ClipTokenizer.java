package org.rekindle.worker.pipeline;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.rekindle.data.UserException;

/**
 * CLIP's tokenizer, id for id as transformers' {@code CLIPTokenizer} with {@code padding="max_length", truncation=True}: begin token,
 * byte-pair tokens of the normalised text, end token, padding.
 *
 * <p>Any thread may encode. Close it to free its native memory.
 */
public final class ClipTokenizer implements AutoCloseable {

    private static final int DEFAULT_MODEL_MAX_LENGTH = 77;

    /** transformers writes 1e30 where a tokenizer has no limit. */
    private static final double LARGEST_MODEL_MAX_LENGTH = 1_000_000;

    static {
        System.setProperty("OPT_OUT_TRACKING", "true"); // DJL would tell its makers of each start on EC2
    }

    private final HuggingFaceTokenizer tokenizer;
    private final int modelMaxLength;
    private final long beginToken;
    private final long endToken;
    private final long padToken;
    private final int vocabularySize;

    private ClipTokenizer(
            HuggingFaceTokenizer tokenizer,
            int modelMaxLength,
            long beginToken,
            long endToken,
            long padToken,
            int vocabularySize) {
        this.tokenizer = tokenizer;
        this.modelMaxLength = modelMaxLength;
        this.beginToken = beginToken;
        this.endToken = endToken;
        this.padToken = padToken;
        this.vocabularySize = vocabularySize;
    }

    /**
     * Opens the folder {@code tokenizer} of a pipeline: {@code vocab.json} and {@code merges.txt}, or {@code tokenizer.json}, with
     * {@code tokenizer_config.json}.
     *
     * @throws UserException when a file is missing or broken
     */
    public static ClipTokenizer open(Path folder) {
        ObjectNode config = JsonFiles.readObject(folder.resolve("tokenizer_config.json"));
        ObjectNode definition = definition(folder, config);
        JsonNode vocabulary = definition.path("model").path("vocab");
        String begin = ClipTokenizerDefinition.specialToken(config, "bos_token", ClipTokenizerDefinition.BEGIN);
        String end = ClipTokenizerDefinition.specialToken(config, "eos_token", ClipTokenizerDefinition.END);
        String pad = ClipTokenizerDefinition.specialToken(config, "pad_token", end);
        try {
            HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(definition.toString().getBytes(StandardCharsets.UTF_8)),
                    Map.of("truncation", "false", "padding", "false"));
            return new ClipTokenizer(
                    tokenizer,
                    modelMaxLength(folder, config),
                    id(folder, definition, begin),
                    id(folder, definition, end),
                    id(folder, definition, pad),
                    vocabulary.size());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (RuntimeException e) {
            if (e instanceof UserException) {
                throw e;
            }
            throw new UserException(
                    folder + ": vocabulary and merges do not make a tokenizer (" + e.getMessage()
                            + "); fetch the folder again",
                    e);
        }
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

    private static int modelMaxLength(Path folder, ObjectNode config) {
        double value = config.path("model_max_length").asDouble(DEFAULT_MODEL_MAX_LENGTH);
        if (value > LARGEST_MODEL_MAX_LENGTH) {
            return DEFAULT_MODEL_MAX_LENGTH;
        }
        if (!(value >= 2)) {
            throw new UserException(folder.resolve("tokenizer_config.json") + ": model_max_length is "
                    + config.get("model_max_length") + ", expected a whole number of at least 2");
        }
        return (int) value;
    }

    private static long id(Path folder, ObjectNode definition, String token) {
        JsonNode id = definition.path("model").path("vocab").path(token);
        for (JsonNode added : definition.path("added_tokens")) {
            if (added.path("content").asText().equals(token)) {
                id = added.path("id");
            }
        }
        if (!id.isIntegralNumber()) {
            throw new UserException(folder + ": the vocabulary has no token " + token
                    + ", which tokenizer_config.json names; correct one of them");
        }
        return id.asLong();
    }

    /** Length of every encoded text. */
    public int modelMaxLength() {
        return modelMaxLength;
    }

    /** Number of tokens, special ones included. */
    public int vocabularySize() {
        return vocabularySize;
    }

    long beginToken() {
        return beginToken;
    }

    long endToken() {
        return endToken;
    }

    long padToken() {
        return padToken;
    }

    /** The ids of a text, of shape (model_max_length): what does not fit is cut off before the end token, the rest is padded. */
    public long[] encode(String text) {
        long[] ids = tokenizer.encode(text, true, false).getIds();
        long[] padded = Arrays.copyOf(ids, modelMaxLength);
        if (ids.length > modelMaxLength) {
            padded[modelMaxLength - 1] = endToken;
        } else {
            Arrays.fill(padded, ids.length, modelMaxLength, padToken);
        }
        return padded;
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}

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

/** What a {@code tokenizer.json} makes of a text, cut off and padded to one length. */
abstract class FixedLengthTokenizer implements Tokenizer {

    /** transformers writes 1e30 where a tokenizer has no limit. */
    private static final double LARGEST_MODEL_MAX_LENGTH = 1_000_000;

    static final String CONFIG = "tokenizer_config.json";

    private static final String SPECIAL_TOKENS = "special_tokens_map.json";

    static {
        System.setProperty("OPT_OUT_TRACKING", "true"); // DJL would tell its makers of each start on EC2
    }

    private final HuggingFaceTokenizer tokenizer;
    private final int modelMaxLength;
    private final int vocabularySize;
    private final long endToken;
    private final long padToken;

    /**
     * @param folder for messages
     * @param definition in the format of {@code tokenizer.json}
     * @throws UserException when the definition is broken or lacks one of the two tokens
     */
    FixedLengthTokenizer(
            Path folder, ObjectNode definition, int modelMaxLength, int vocabularySize, String end, String pad) {
        this.modelMaxLength = modelMaxLength;
        this.vocabularySize = vocabularySize;
        this.endToken = id(folder, definition, end);
        this.padToken = id(folder, definition, pad);
        try {
            this.tokenizer = HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(definition.toString().getBytes(StandardCharsets.UTF_8)),
                    Map.of("truncation", "false", "padding", "false"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (RuntimeException e) {
            throw new UserException(
                    folder + ": its files do not make a tokenizer (" + e.getMessage() + "); fetch the folder again", e);
        }
    }

    /**
     * Reads {@code tokenizer_config.json}. As in transformers, {@code special_tokens_map.json} goes before it where it has no
     * {@code added_tokens_decoder}: Stable Diffusion 2 pads with another token than its configuration names.
     */
    static ObjectNode config(Path folder) {
        ObjectNode config = JsonFiles.readObject(folder.resolve(CONFIG));
        Path special = folder.resolve(SPECIAL_TOKENS);
        if (!config.has("added_tokens_decoder") && Files.isRegularFile(special)) {
            config.setAll(JsonFiles.readObject(special));
        }
        return config;
    }

    /**
     * The {@code model_max_length} of {@code tokenizer_config.json}.
     *
     * @param absent what stands for none, or for no limit
     */
    static int modelMaxLength(Path folder, ObjectNode config, int absent) {
        double value = config.path("model_max_length").asDouble(absent);
        if (value > LARGEST_MODEL_MAX_LENGTH) {
            return absent;
        }
        if (!(value >= 2)) {
            throw new UserException(folder.resolve(CONFIG) + ": model_max_length is " + config.get("model_max_length")
                    + ", expected a whole number of at least 2");
        }
        return (int) value;
    }

    /** The id of a token that the {@link #config} names. */
    static long id(Path folder, ObjectNode definition, String token) {
        JsonNode id = definition.path("model").path("vocab").path(token);
        for (JsonNode added : definition.path("added_tokens")) {
            if (added.path("content").asText().equals(token)) {
                id = added.path("id");
            }
        }
        if (!id.isIntegralNumber()) {
            throw new UserException(folder + ": the vocabulary has no token " + token + ", which " + CONFIG + " or "
                    + SPECIAL_TOKENS + " names; correct one of them");
        }
        return id.asLong();
    }

    @Override
    public int modelMaxLength() {
        return modelMaxLength;
    }

    @Override
    public int vocabularySize() {
        return vocabularySize;
    }

    @Override
    public long endToken() {
        return endToken;
    }

    @Override
    public long padToken() {
        return padToken;
    }

    @Override
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

package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Iterator;
import java.util.List;
import org.rekindle.coordinator.config.ComponentConfig;
import org.rekindle.data.UserException;

/**
 * What {@code model.tokenizer.params} say of a vocabulary that is yet to be learnt.
 *
 * @param modelMaxLength tokens of every text, default 77
 * @param vocabSize tokens at most, default 49408
 * @param captions shards in brace notation; null where the key is absent
 */
record TokenizerParams(int modelMaxLength, int vocabSize, String captions) {

    static final String CAPTIONS = "model.tokenizer.params.captions";
    static final int DEFAULT_MODEL_MAX_LENGTH = 77;
    private static final int DEFAULT_VOCABULARY = 49408;
    private static final List<String> KEYS = List.of("model_max_length", "captions", "vocab_size");

    /** @throws UserException for another class than CLIP's, whose vocabulary cannot be made, and for unknown or malformed keys */
    static TokenizerParams of(ComponentConfig declared) {
        String className = ComponentConfigs.className(declared, Component.TOKENIZER);
        if (!className.replaceFirst("Fast$", "").equals(ClipTokenizer.CLASS_NAME)) {
            throw new UserException("model.tokenizer.target=" + declared.target()
                    + ": its vocabulary cannot be made here, only " + ClipTokenizer.CLASS_NAME
                    + "'s; set model.tokenizer.pretrained to a folder that holds one");
        }
        ObjectNode params = declared.params();
        for (Iterator<String> keys = params.fieldNames(); keys.hasNext(); ) {
            String key = keys.next();
            if (!KEYS.contains(key)) {
                throw new UserException("model.tokenizer.params." + key + ": unknown key; expected one of " + KEYS);
            }
        }
        return new TokenizerParams(
                integer(params, "model_max_length", DEFAULT_MODEL_MAX_LENGTH),
                integer(params, "vocab_size", DEFAULT_VOCABULARY),
                params.path("captions").asText(null));
    }

    private static int integer(ObjectNode params, String key, int absent) {
        if (!params.has(key)) {
            return absent;
        }
        if (!params.get(key).canConvertToInt() || !params.get(key).isIntegralNumber()) {
            throw new UserException(
                    "model.tokenizer.params." + key + "=" + params.get(key).asText() + ": expected a whole number");
        }
        return params.get(key).asInt();
    }
}

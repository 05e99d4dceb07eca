package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rekindle.data.UserException;

/**
 * T5's tokenizer; transformers' {@code T5Tokenizer}: the most likely pieces of the normalised text by SentencePiece's unigram model
 * (Kudo 2018, arXiv:1804.10959), end token, padding.
 */
public final class T5Tokenizer extends FixedLengthTokenizer {

    static final String CLASS_NAME = "T5Tokenizer";

    private static final String DEFINITION = "tokenizer.json";
    private static final String SENTENCE_PIECE = "spiece.model";
    private static final String META_SPACE = "\u2581";

    private T5Tokenizer(Path folder, ObjectNode config, ObjectNode definition, int modelMaxLength) {
        super(
                folder,
                definition,
                modelMaxLength,
                vocabularySize(definition),
                ClipTokenizerDefinition.specialToken(config, "eos_token", "</s>"),
                ClipTokenizerDefinition.specialToken(config, "pad_token", "<pad>"));
    }

    /**
     * Opens the folder {@code tokenizer} of a pipeline: {@code tokenizer.json} and {@code tokenizer_config.json}.
     *
     * @throws UserException when a file is missing or broken
     */
    public static T5Tokenizer open(Path folder) {
        ObjectNode config = config(folder);
        if (!Files.isRegularFile(folder.resolve(DEFINITION)) && Files.isRegularFile(folder.resolve(SENTENCE_PIECE))) {
            throw new UserException(
                    folder + ": has " + SENTENCE_PIECE + " but no " + DEFINITION
                            + "; save one with transformers' fast tokenizer: T5TokenizerFast.from_pretrained(folder).save_pretrained(folder)");
        }
        ObjectNode definition = JsonFiles.readObject(folder.resolve(DEFINITION));
        if (!definition.path("model").path("type").asText().equals("Unigram")) {
            throw new UserException(folder.resolve(DEFINITION) + ": model.type is "
                    + definition.path("model").get("type") + ", expected \"Unigram\"; save it with T5TokenizerFast");
        }
        int length = modelMaxLength(folder, config, Integer.MAX_VALUE);
        if (length == Integer.MAX_VALUE) {
            throw new UserException(folder.resolve(CONFIG)
                    + ": has no model_max_length, or none that a text could be padded to; set it, for example to 77");
        }
        for (String side : new String[] {"padding_side", "truncation_side"}) {
            if (!config.path(side).asText("right").equals("right")) {
                throw new UserException(
                        folder.resolve(CONFIG) + ": " + side + " is " + config.get(side) + ", expected \"right\"");
            }
        }
        return new T5Tokenizer(folder, config, asTransformers(definition), length);
    }

    /**
     * Splits and normalises as transformers 5 does whatever the file says of it: SentencePiece's table of characters, if the file has
     * one, then white space, then a {@value #META_SPACE} before every word.
     */
    private static ObjectNode asTransformers(ObjectNode definition) {
        ObjectNode changed = definition.deepCopy();
        JsonNode table = null;
        JsonNode normalizer = definition.path("normalizer");
        for (JsonNode one : normalizer.has("normalizers") ? normalizer.get("normalizers") : array(normalizer)) {
            if (table == null && one.path("type").asText().equals("Precompiled")) {
                table = one;
            }
        }
        changed.set("normalizer", table);
        ArrayNode steps =
                changed.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        steps.addObject().put("type", "WhitespaceSplit");
        steps.addObject()
                .put("type", "Metaspace")
                .put("replacement", META_SPACE)
                .put("prepend_scheme", "always")
                .put("split", true);
        return changed;
    }

    private static ArrayNode array(JsonNode one) {
        return JsonFiles.JSON.createArrayNode().add(one);
    }

    private static int vocabularySize(ObjectNode definition) {
        int size = definition.path("model").path("vocab").size();
        for (JsonNode added : definition.path("added_tokens")) {
            size = Math.max(size, added.path("id").asInt() + 1);
        }
        return size;
    }
}

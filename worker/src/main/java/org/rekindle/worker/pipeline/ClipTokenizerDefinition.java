package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.rekindle.data.UserException;

/**
 * The {@code tokenizer.json} of a CLIP tokenizer, put together from its {@code vocab.json} and {@code merges.txt}: NFC, white space
 * collapsed, lower case; words split at contractions, letters, single digits and runs of other signs; bytes shown as characters;
 * byte-pair encoding with {@code </w>} at the end of words.
 */
final class ClipTokenizerDefinition {

    static final String BEGIN = "<|startoftext|>";
    static final String END = "<|endoftext|>";

    /** How CLIP cuts a normalised text into words; what it does not match, white space, is dropped. */
    static final String WORD =
            "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private ClipTokenizerDefinition() {}

    /** A special token of {@link FixedLengthTokenizer#config}, which holds it as a string or as an object with {@code content}. */
    static String specialToken(ObjectNode config, String key, String absent) {
        JsonNode value = config.path(key);
        return value.isObject() ? value.path("content").asText(absent) : value.asText(absent);
    }

    static ObjectNode of(Path vocabularyFile, Path mergesFile, ObjectNode config) {
        ObjectNode vocabulary = JsonFiles.readObject(vocabularyFile);
        String begin = specialToken(config, "bos_token", BEGIN);
        String end = specialToken(config, "eos_token", END);
        String unknown = specialToken(config, "unk_token", END);
        String pad = specialToken(config, "pad_token", end);

        ObjectNode definition = NODES.objectNode();
        definition.put("version", "1.0").putNull("truncation").putNull("padding");
        ArrayNode added = definition.putArray("added_tokens");
        Set<String> special = new LinkedHashSet<>(List.of(begin, end, unknown, pad));
        for (String token : special) {
            JsonNode id = vocabulary.path(token);
            if (!id.isIntegralNumber()) {
                throw new UserException(vocabularyFile + ": has no token " + token
                        + ", which tokenizer_config.json names; correct one of them");
            }
            added.addObject()
                    .put("id", id.asLong())
                    .put("content", token)
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true);
        }
        definition.set("normalizer", normalizer());
        definition.set("pre_tokenizer", preTokenizer());
        ObjectNode processor = definition.putObject("post_processor");
        processor.put("type", "RobertaProcessing").put("trim_offsets", false).put("add_prefix_space", false);
        processor.putArray("sep").add(end).add(vocabulary.get(end));
        processor.putArray("cls").add(begin).add(vocabulary.get(begin));
        definition.set("decoder", byteLevel(true));
        ObjectNode model = definition.putObject("model");
        model.put("type", "BPE")
                .putNull("dropout")
                .put("unk_token", unknown)
                .put("continuing_subword_prefix", "")
                .put("end_of_word_suffix", BytePairVocabulary.END_OF_WORD)
                .put("fuse_unk", false)
                .put("byte_fallback", false);
        model.set("vocab", vocabulary);
        model.set("merges", merges(mergesFile));
        return definition;
    }

    private static ObjectNode normalizer() {
        ObjectNode sequence = NODES.objectNode().put("type", "Sequence");
        ArrayNode normalizers = sequence.putArray("normalizers");
        normalizers.addObject().put("type", "NFC");
        ObjectNode replace = normalizers.addObject().put("type", "Replace").put("content", " ");
        replace.putObject("pattern").put("Regex", "\\s+");
        normalizers.addObject().put("type", "Lowercase");
        return sequence;
    }

    private static ObjectNode preTokenizer() {
        ObjectNode sequence = NODES.objectNode().put("type", "Sequence");
        ArrayNode steps = sequence.putArray("pretokenizers");
        ObjectNode split = steps.addObject()
                .put("type", "Split")
                .put("behavior", "Removed")
                .put("invert", true);
        split.putObject("pattern").put("Regex", WORD);
        steps.add(byteLevel(false));
        return sequence;
    }

    private static ObjectNode byteLevel(boolean addPrefixSpace) {
        return NODES.objectNode()
                .put("type", "ByteLevel")
                .put("add_prefix_space", addPrefixSpace)
                .put("trim_offsets", true)
                .put("use_regex", true);
    }

    private static ArrayNode merges(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new UserException(
                    file + ": no such file; a tokenizer needs vocab.json and merges.txt, or tokenizer.json");
        }
        ArrayNode merges = NODES.arrayNode();
        try {
            int number = 0;
            for (String line : Files.readString(file, StandardCharsets.UTF_8).split("\r?\n")) {
                number++;
                if (line.isEmpty() || number == 1 && line.startsWith("#version")) {
                    continue;
                }
                String[] pair = line.split(" ");
                if (pair.length != 2) {
                    throw new UserException(file + ":" + number + ": expected two symbols with a blank between them");
                }
                merges.addArray().add(pair[0]).add(pair[1]);
            }
        } catch (IOException e) {
            throw new UserException(file + ": cannot be read (" + e.getMessage() + ")", e);
        }
        return merges;
    }
}

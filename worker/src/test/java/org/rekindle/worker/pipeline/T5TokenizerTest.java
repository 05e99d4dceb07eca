package org.rekindle.worker.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.data.UserException;

/** Ids equal transformers'; {@code make_t5_tokenizer.py} made vocabulary and ids. */
class T5TokenizerTest {

    private static final Path RESOURCES = Path.of("src/test/resources/t5-tokenizer");
    private static final ObjectNode GOLDENS =
            JsonFiles.readObject(Path.of("src/test/resources/t5-tokenizer-goldens.json"));

    @TempDir
    Path folder;

    private ObjectNode definition;
    private ObjectNode config;

    @BeforeEach
    void read() throws IOException {
        definition = JsonFiles.readObject(RESOURCES.resolve("tokenizer.json"));
        config = JsonFiles.readObject(RESOURCES.resolve("tokenizer_config.json"));
        write();
    }

    private void write() throws IOException {
        JsonFiles.write(folder.resolve("tokenizer.json"), definition);
        JsonFiles.write(folder.resolve("tokenizer_config.json"), config);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 16, 40})
    void idsEqualTransformers(int modelMaxLength) throws IOException {
        config.put("model_max_length", modelMaxLength);
        write();
        assertIdsEqualTransformers(modelMaxLength);
    }

    @Test
    void whatTheFileSaysOfSplittingDoesNotMatterToTransformersEither() throws IOException {
        JsonNode table = definition.get("normalizer");
        definition
                .putObject("normalizer")
                .put("type", "Sequence")
                .putArray("normalizers")
                .add(JsonFiles.JSON.createObjectNode().put("type", "Lowercase"))
                .add(table);
        definition
                .putObject("pre_tokenizer")
                .put("type", "Metaspace")
                .put("replacement", "\u2581")
                .put("prepend_scheme", "first")
                .put("split", false);
        write();
        assertIdsEqualTransformers(16);
    }

    private void assertIdsEqualTransformers(int modelMaxLength) throws IOException {
        JsonNode expected = GOLDENS.get("ids").get(Integer.toString(modelMaxLength));
        try (Tokenizer tokenizer = Tokenizer.open(folder, "T5TokenizerFast")) {
            for (int i = 0; i < GOLDENS.get("texts").size(); i++) {
                String text = GOLDENS.get("texts").get(i).asText();
                assertThat(tokenizer.encode(text))
                        .as(JsonFiles.JSON.writeValueAsString(text))
                        .containsExactly(longs(expected.get(i)));
            }
        }
    }

    @Test
    void sizesAndSpecialTokensAreTold() {
        try (Tokenizer tokenizer = Tokenizer.open(folder, "T5Tokenizer")) {
            assertThat(tokenizer.modelMaxLength()).isEqualTo(16);
            assertThat(tokenizer.padToken()).isZero();
            assertThat(tokenizer.endToken()).isEqualTo(1);
            int pieces = definition.get("model").get("vocab").size();
            assertThat(tokenizer.vocabularySize()).isEqualTo(pieces + 5); // with <extra_id_0> to <extra_id_4>
        }
    }

    @Test
    void aSentencePieceModelAloneIsRefused() throws IOException {
        Files.delete(folder.resolve("tokenizer.json"));
        assertRefused("tokenizer.json: no such file");
        Files.writeString(folder.resolve("spiece.model"), "");
        assertRefused("has spiece.model but no tokenizer.json; save one with transformers' fast tokenizer");
    }

    @Test
    void whatCannotBeDoneAsTransformersDoesIsRefused() throws IOException {
        config.put("padding_side", "left");
        write();
        assertRefused("padding_side is \"left\", expected \"right\"");
        config.remove("padding_side");
        config.put("model_max_length", 1e30);
        write();
        assertRefused("has no model_max_length");
        config.put("model_max_length", 1);
        write();
        assertRefused("model_max_length is 1");
        config.put("model_max_length", 16).put("eos_token", "<end>");
        write();
        assertRefused("has no token <end>");
        definition.with("model").put("type", "BPE");
        write();
        assertRefused("model.type is \"BPE\", expected \"Unigram\"");
        assertThatThrownBy(() -> Tokenizer.open(folder, "BertTokenizer"))
                .isInstanceOf(UserException.class)
                .hasMessageEndingWith("BertTokenizer is not supported; supported: CLIPTokenizer, T5Tokenizer");
    }

    @Test
    void aBrokenDefinitionGivesOneLine() throws IOException {
        definition.with("model").put("unk_id", 100_000);
        write();
        assertRefused("do not make a tokenizer");
    }

    private void assertRefused(String message) {
        assertThatThrownBy(() -> Tokenizer.open(folder, "T5Tokenizer"))
                .isInstanceOf(UserException.class)
                .hasMessageStartingWith(folder.toString())
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n");
    }

    private static long[] longs(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .mapToLong(JsonNode::asLong)
                .toArray();
    }
}

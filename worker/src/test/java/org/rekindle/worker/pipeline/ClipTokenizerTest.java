package org.rekindle.worker.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rekindle.data.UserException;

/** Ids equal transformers'; {@code make_tokenizer_goldens.py} made vocabulary and ids. */
class ClipTokenizerTest {

    private static final Path RESOURCES = Path.of("src/test/resources/clip-tokenizer");
    private static final ObjectNode GOLDENS =
            JsonFiles.readObject(Path.of("src/test/resources/clip-tokenizer-goldens.json"));

    @TempDir
    Path folder;

    @BeforeEach
    void copyVocabulary() throws IOException {
        for (String file : new String[] {"vocab.json", "merges.txt", "tokenizer_config.json"}) {
            Files.copy(RESOURCES.resolve(file), folder.resolve(file));
        }
    }

    static Stream<JsonNode> goldens() {
        return StreamSupport.stream(GOLDENS.get("goldens").spliterator(), false);
    }

    @ParameterizedTest
    @MethodSource("goldens")
    void idsEqualTransformers(JsonNode golden) throws IOException {
        JsonFiles.write(folder.resolve("tokenizer_config.json"), golden.get("tokenizer_config"));
        if (!golden.get("special_tokens_map").isNull()) {
            JsonFiles.write(folder.resolve("special_tokens_map.json"), golden.get("special_tokens_map"));
        }
        try (ClipTokenizer tokenizer = ClipTokenizer.open(folder)) {
            for (int i = 0; i < GOLDENS.get("texts").size(); i++) {
                String text = GOLDENS.get("texts").get(i).asText();
                assertThat(tokenizer.encode(text))
                        .as(JsonFiles.JSON.writeValueAsString(text))
                        .containsExactly(longs(golden.get("ids").get(i)));
            }
        }
    }

    @Test
    void tokenizerJsonAloneGivesTheSameIds() throws IOException {
        ObjectNode config = JsonFiles.readObject(folder.resolve("tokenizer_config.json"));
        ObjectNode definition =
                ClipTokenizerDefinition.of(folder.resolve("vocab.json"), folder.resolve("merges.txt"), config);
        try (ClipTokenizer fromVocabulary = ClipTokenizer.open(folder)) {
            JsonFiles.write(folder.resolve("tokenizer.json"), definition);
            Files.delete(folder.resolve("vocab.json"));
            Files.delete(folder.resolve("merges.txt"));
            try (ClipTokenizer fromJson = ClipTokenizer.open(folder)) {
                String text = "a Red circle 👍 don't";
                assertThat(fromJson.encode(text)).containsExactly(fromVocabulary.encode(text));
                assertThat(fromJson.vocabularySize()).isEqualTo(fromVocabulary.vocabularySize());
            }
        }
    }

    @Test
    void aCaptionOfTenThousandCharactersIsCutOff() {
        try (ClipTokenizer tokenizer = ClipTokenizer.open(folder)) {
            long[] ids = tokenizer.encode("red ".repeat(2500));
            assertThat(ids).hasSize(tokenizer.modelMaxLength());
            assertThat(ids[ids.length - 1]).isEqualTo(tokenizer.endToken());
        }
    }

    @Test
    void aMissingFileIsNamed() throws IOException {
        Files.delete(folder.resolve("merges.txt"));
        assertThatThrownBy(() -> ClipTokenizer.open(folder))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("merges.txt: no such file");
        Files.delete(folder.resolve("vocab.json"));
        assertThatThrownBy(() -> ClipTokenizer.open(folder))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("vocab.json: no such file");
        Files.delete(folder.resolve("tokenizer_config.json"));
        assertThatThrownBy(() -> ClipTokenizer.open(folder))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("tokenizer_config.json: no such file");
    }

    @Test
    void brokenFilesGiveOneLine() throws IOException {
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\na b c\n");
        assertThatThrownBy(() -> ClipTokenizer.open(folder))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("merges.txt:2");
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\nnot there\n");
        assertThatThrownBy(() -> ClipTokenizer.open(folder))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("do not make a tokenizer")
                .message()
                .doesNotContain("\n");
        Files.writeString(folder.resolve("vocab.json"), "{\"a\": 0}");
        assertThatThrownBy(() -> ClipTokenizer.open(folder))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("has no token <|startoftext|>");
        Files.writeString(folder.resolve("vocab.json"), "{\"a\": ");
        assertThatThrownBy(() -> ClipTokenizer.open(folder))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("vocab.json:1: not valid JSON");
    }

    @Test
    void aModelMaxLengthWithoutRoomForBothEndsIsRefused() throws IOException {
        ObjectNode config = JsonFiles.readObject(folder.resolve("tokenizer_config.json"));
        JsonFiles.write(folder.resolve("tokenizer_config.json"), config.put("model_max_length", 1));
        assertThatThrownBy(() -> ClipTokenizer.open(folder))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("model_max_length is 1");
    }

    private static long[] longs(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .mapToLong(JsonNode::asLong)
                .toArray();
    }
}

package org.rekindle.worker.interop;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.worker.cli.RekindleProcess;

/** {@code rekindle tokenize} gives the ids of transformers' {@code CLIPTokenizer} and {@code T5Tokenizer}. */
@Tag("interop")
class TokenizeInteropTest {

    private static final List<String> LINES = List.of(
            "a red circle",
            "",
            "  A  RED\tcircle\u00a0on\u3000the   square  ",
            "naïve Ünïcödé ÜBER straße İstanbul ΣΑΣ ﬁ café cafe\u0301",
            "日本語のキャプション 中文 한국어 العربية עברית हिन्दी ไทย",
            "😀 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 ❤️ 🇩🇪 1️⃣",
            "don't they're rock'n'roll !!! $5.00 100% #tag",
            "<|startoftext|> red <|endoftext|> circle",
            "x".repeat(10_000),
            "a green square and ".repeat(600));

    @TempDir
    Path folder;

    @Test
    void everyLineGivesTheIdsOfTransformers() throws Exception {
        assertIdsEqual(TrainedPipeline.folder());
    }

    @Test
    void everyLineGivesTheIdsOfTransformersWithT5() throws Exception {
        assertIdsEqual(TrainedPipeline.of(folder, "tiny-t5"));
    }

    private void assertIdsEqual(Path pipeline) throws Exception {
        Path text = Files.writeString(folder.resolve("text.txt"), String.join("\n", LINES) + "\n");
        Path out = folder.resolve("ids.json");
        RekindleProcess.start(folder, "tokenize", "pipeline=" + pipeline, "text=" + text, "out=" + out)
                .awaitSuccess();

        ObjectMapper json = new ObjectMapper();
        JsonNode expected = json.readTree(Python.run(folder, "tokenize_text.py", pipeline, text));
        JsonNode actual = json.readTree(out.toFile());

        assertThat(expected).hasSize(LINES.size());
        for (int i = 0; i < LINES.size(); i++) {
            assertThat(actual.get(i)).as("line %d", i + 1).isEqualTo(expected.get(i));
        }
        assertThat(actual).hasSize(LINES.size());
    }
}

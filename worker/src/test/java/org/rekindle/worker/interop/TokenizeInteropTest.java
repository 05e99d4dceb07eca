package org.rekindle.worker.interop;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
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

    private static final List<String> WORDS =
            List.of("a", "red", "circle", "the", "square,", "GREEN", "blue's", "!!", "42");

    /** First and last code points of what generated lines are made of: scripts, marks that combine, white space, symbols, emoji. */
    private static final int[][] RANGES = {
        {0x20, 0x7e},
        {0, 0x1f},
        {0x7f, 0xff},
        {0x100, 0x24f},
        {0x300, 0x36f},
        {0x370, 0x5ff},
        {0x600, 0xdff},
        {0xe00, 0x1fff},
        {0x2000, 0x206f},
        {0x2070, 0x2bff},
        {0x3000, 0x30ff},
        {0x4e00, 0x9fff},
        {0xac00, 0xd7a3},
        {0xfb00, 0xffff},
        {0x1d400, 0x1d7ff},
        {0x1f1e6, 0x1f64f},
        {0x1f680, 0x1faff},
        {0xe0020, 0xe01ef},
        {0x10000, 0x10ffff},
    };

    @TempDir
    Path folder;

    @Test
    void everyLineGivesTheIdsOfTransformers() throws Exception {
        assertSameIds(TrainedPipeline.folder(), LINES);
    }

    @Test
    void everyLineGivesTheIdsOfTransformersWithT5() throws Exception {
        assertSameIds(TrainedPipeline.of(folder, "tiny-t5"), LINES);
    }

    @ParameterizedTest
    @MethodSource("org.rekindle.worker.interop.Seeds#all")
    void generatedLinesGiveTheIdsOfTransformers(int seed) throws Exception {
        Random random = new Random(seed);
        assertSameIds(
                TrainedPipeline.folder(),
                Stream.generate(() -> line(random)).limit(1000).toList());
    }

    /** Words and characters at random; one line in fifty is long. */
    private static String line(Random random) {
        int parts = random.nextInt(50) == 0 ? random.nextInt(2000) : random.nextInt(12);
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < parts; i++) {
            if (random.nextInt(3) == 0) {
                line.append(WORDS.get(random.nextInt(WORDS.size()))).append(random.nextBoolean() ? " " : "");
            } else {
                int[] range = RANGES[random.nextInt(RANGES.length)];
                int character = range[0] + random.nextInt(range[1] - range[0] + 1);
                boolean writable =
                        character != '\n' && character != '\r' && Character.getType(character) != Character.SURROGATE;
                line.appendCodePoint(writable ? character : ' ');
            }
        }
        return line.toString();
    }

    private void assertSameIds(Path pipeline, List<String> lines) throws Exception {
        Path text = Files.writeString(folder.resolve("text.txt"), String.join("\n", lines) + "\n");
        Path out = folder.resolve("ids.json");
        RekindleProcess.start(folder, "tokenize", "pipeline=" + pipeline, "text=" + text, "out=" + out)
                .awaitSuccess();

        ObjectMapper json = new ObjectMapper();
        JsonNode expected = json.readTree(Python.run(folder, "tokenize_text.py", pipeline, text));
        JsonNode actual = json.readTree(out.toFile());

        assertThat(expected).hasSize(lines.size());
        for (int i = 0; i < lines.size(); i++) {
            assertThat(actual.get(i)).as("line %d, %s", i + 1, lines.get(i)).isEqualTo(expected.get(i));
        }
        assertThat(actual).hasSize(lines.size());
    }
}

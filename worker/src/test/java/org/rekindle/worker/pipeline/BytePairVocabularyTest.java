package org.rekindle.worker.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;

class BytePairVocabularyTest {

    @TempDir
    Path folder;

    @Test
    void wordsThatOccurOftenAreSingleTokens() throws IOException {
        Stream<String> captions =
                Stream.generate(() -> "A red circle above a blue square, don't").limit(50);
        BytePairVocabulary.learn(captions, 700).write(folder, 12);
        try (ClipTokenizer tokenizer = ClipTokenizer.open(folder)) {
            long[] ids = tokenizer.encode("a RED circle above a blue square , don't");
            assertThat(ids).hasSize(12);
            // begin, 7 words, the comma, don, 't, end
            assertThat(ids[11]).isEqualTo(tokenizer.endToken());
            assertThat(ids[10]).isNotEqualTo(tokenizer.endToken());
            assertThat(tokenizer.encode("a")[2]).isEqualTo(tokenizer.padToken());
        }
    }

    @Test
    void theMoreFrequentWordWinsWhereThereIsRoomForOne() {
        BytePairVocabulary vocabulary =
                BytePairVocabulary.learn(Stream.of("ox ox ox", "by by"), BytePairVocabulary.SMALLEST + 1);
        assertThat(vocabulary.merges()).containsExactly(new BytePairVocabulary.Pair("o", "x</w>"));
        assertThat(vocabulary.tokens())
                .hasSize(BytePairVocabulary.SMALLEST + 1)
                .endsWith("<|startoftext|>", "<|endoftext|>");
    }

    @Property(tries = 50)
    void anyCaptionsGiveAVocabularyWithoutDuplicatesWithinItsSize(
            @ForAll @Size(max = 20) List<String> captions, @ForAll @IntRange(min = 514, max = 600) int size) {
        BytePairVocabulary vocabulary = BytePairVocabulary.learn(captions.stream(), size);
        Set<String> distinct = new HashSet<>(vocabulary.tokens());
        assertThat(vocabulary.tokens()).hasSize(distinct.size()).hasSizeLessThanOrEqualTo(size);
        assertThat(BytePairVocabulary.learn(captions.stream(), size)).isEqualTo(vocabulary);
    }

    @Test
    void aVocabularyWithoutRoomForTheBytesIsRefused() {
        assertThatThrownBy(() -> BytePairVocabulary.learn(Stream.of("x"), 513))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("tokenizer.params.vocab_size=513");
    }
}

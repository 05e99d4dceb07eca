package org.rekindle.worker.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.UserException;

class PromptListTest {

    @TempDir
    Path folder;

    @Test
    void quotesOtherColumnsAndEmptyCaptionsAreRead() throws IOException {
        Path file = write("n,caption,uid\n1,\"a \"\"red\"\" circle, large\",x-1\n2,,überraschung\n");
        assertThat(PromptList.read(file))
                .containsExactly(
                        new PromptList.Entry("x-1", "a \"red\" circle, large"),
                        new PromptList.Entry("überraschung", ""));
    }

    @Test
    void aCaptionMayHaveItsOwnNegativePrompt() throws IOException {
        Path file = write("uid,negative_prompt,caption\n1,\"blurry, grey\",x\n2,,y\n");
        assertThat(PromptList.read(file))
                .containsExactly(new PromptList.Entry("1", "x", "blurry, grey"), new PromptList.Entry("2", "y", ""));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "id,caption\\n1,x\\n | expected uid and caption",
                "uid,caption\\n | no line below its header",
                "uid,caption\\n../x,c\\n | does not make a file name",
                "uid,caption\\na/b,c\\n | does not make a file name",
                "uid,caption\\n..,c\\n | does not make a file name",
                "uid,caption\\n,c\\n | does not make a file name",
                "uid,caption\\ngrid,c\\n | grid.png",
                "uid,caption\\na,c\\na,d\\n | uid a appears twice",
                "uid,caption\\na\\n | has 1 values",
                "uid,caption\\na,\"open\\n | not a CSV file"
            })
    void badListsAreToldInOneLine(String content, String message) throws IOException {
        Path file = write(content.replace("\\n", "\n"));
        assertThatThrownBy(() -> PromptList.read(file))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n");
    }

    @Test
    void aMissingOrBinaryFileIsToldInOneLine() throws IOException {
        assertThatThrownBy(() -> PromptList.read(folder.resolve("none.csv")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("no such file");
        Path binary = Files.write(folder.resolve("b.csv"), new byte[] {'u', 'i', 'd', ',', (byte) 0xFF, (byte) 0xFE});
        assertThatThrownBy(() -> PromptList.read(binary)).isInstanceOf(UserException.class);
    }

    private Path write(String content) throws IOException {
        return Files.writeString(folder.resolve("prompts.csv"), content);
    }
}

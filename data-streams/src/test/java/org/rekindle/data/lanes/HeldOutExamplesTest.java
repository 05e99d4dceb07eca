package org.rekindle.data.lanes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.TestShards;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.stores.LocalShard;

class HeldOutExamplesTest {

    @TempDir
    Path folder;

    private final List<String> seen = new ArrayList<>();

    private HeldOutExamples open(int examples, Map<String, String> filters) {
        Path first = new TestShards()
                .example("a")
                .member("damaged.png", new byte[] {1})
                .member("damaged.txt", "x")
                .member("mute.png", TestShards.image("pixel.png"))
                .example("b")
                .member("b.json", "{\"width\": 64}")
                .write(folder.resolve("0.tar"));
        Path second = new TestShards().example("c").example("d").write(folder.resolve("1.tar"));
        DatasetConfig.Params params =
                new DatasetConfig.Params("", 2, null, null, 4, filters, null, 1.0); // every caption dropped in training
        DataSet dataSet = DataSet.of(new DatasetConfig(null, params, null), LocalShard.of(List.of(first, second)));
        return new HeldOutExamples(dataSet, examples);
    }

    private int read(HeldOutExamples examples) {
        seen.clear();
        return examples.read((first, batch) -> {
            assertThat(((BatchContent.Pixels) batch.content()).rgb()).hasSize(batch.size() * 4 * 4 * 3);
            seen.add(first + " " + String.join(", ", batch.captions()));
        });
    }

    @Test
    void examplesComeInTheOrderOfTheShardsWithTheirCaptionsAgainAndAgain() {
        HeldOutExamples examples = open(100, Map.of());
        for (int i = 0; i < 2; i++) {
            assertThat(read(examples)).isEqualTo(4);
            assertThat(seen).containsExactly("0 caption of a, caption of b", "2 caption of c, caption of d");
        }
    }

    @Test
    void noMoreAreReadThanAskedForAndTheLastBatchMayBeSmaller() {
        assertThat(read(open(3, Map.of()))).isEqualTo(3);
        assertThat(seen).containsExactly("0 caption of a, caption of b", "2 caption of c");
    }

    @Test
    void theTrainingsFiltersHold() {
        assertThat(read(open(100, Map.of("width", ">=64")))).isEqualTo(1);
        assertThat(seen).containsExactly("0 caption of b");
        assertThatThrownBy(() -> open(100, Map.of("width", ">64")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("validation.path: none of its examples can be used")
                .hasMessageNotContaining("\n");
    }
}

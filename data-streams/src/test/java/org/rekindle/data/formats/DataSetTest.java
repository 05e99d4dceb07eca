package org.rekindle.data.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.TestShards;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Shard;

class DataSetTest {

    @TempDir
    Path folder;

    @Test
    void resolvesInTheOrderOfThePattern() {
        Path first = new TestShards().example("a").write(folder.resolve("s-1.tar"));
        Path second = new TestShards().example("b").write(folder.resolve("s-0.tar"));
        assertThat(open(folder + "/s-{1..0}.tar")).containsExactly(new LocalShard(first), new LocalShard(second));
    }

    @Test
    void globsFoldersAndSeveralPathsNameShards() {
        Path first = new TestShards().example("a").write(folder.resolve("s-1.tar"));
        Path second = new TestShards().example("b").write(folder.resolve("s-0.tar"));
        List<Shard> sorted = LocalShard.of(List.of(second, first));
        assertThat(open(folder + "/s-*.tar")).isEqualTo(sorted);
        assertThat(open(folder + "/s-[01].tar")).isEqualTo(sorted);
        assertThat(open(folder.toString())).isEqualTo(sorted);
        assertThat(open(first + "::" + second)).isEqualTo(LocalShard.of(List.of(first, second)));
        assertThatThrownBy(() -> open(folder + "/t-*.tar"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("dataset.params.path: " + folder + "/t-*.tar names no file");
    }

    @Test
    void missingShardsAreCountedAndTheFirstNamed() {
        new TestShards().example("a").write(folder.resolve("s-0.tar"));
        assertThatThrownBy(() -> open(folder + "/s-{0..3}.tar"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("3 of 4 shards missing")
                .hasMessageContaining("s-1.tar")
                .hasMessageNotContaining("\n");
    }

    @Test
    void aFileThatIsNoTarIsRefusedAtOnce() throws IOException {
        byte[] noise = new byte[5000];
        new Random(1).nextBytes(noise);
        Path shard = Files.write(folder.resolve("noise.tar"), noise);
        assertThatThrownBy(() -> open(shard.toString()))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("noise.tar is not a tar archive")
                .hasMessageNotContaining("\n");
    }

    @Test
    void aTextFileAndAShortFileAreNoTars() throws IOException {
        Path html = Files.writeString(folder.resolve("page.tar"), "<html>404</html>\n".repeat(100));
        Path brief = Files.writeString(folder.resolve("short.tar"), "404");
        for (Path shard : new Path[] {html, brief}) {
            assertThatThrownBy(() -> open(shard.toString()))
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("is not a tar archive");
        }
    }

    @Test
    void anEmptyFileIsRefused() throws IOException {
        Path shard = Files.createFile(folder.resolve("empty.tar"));
        assertThatThrownBy(() -> open(shard.toString()))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("empty.tar is not a tar archive, it is an empty file");
    }

    @Test
    void aFolderWithoutShardsIsRefused() {
        assertThatThrownBy(() -> open(folder.toString()))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(folder + " names no file that ends in .tar");
    }

    @Test
    void anAbsentPathIsNamedByItsKey() {
        assertThatThrownBy(() -> open(null))
                .isInstanceOf(UserException.class)
                .hasMessageStartingWith("dataset.params.path is not set");
    }

    private static List<Shard> open(String path) {
        DatasetConfig.Params params = new DatasetConfig.Params(path, null, null, null, null, null, null, null);
        return DataSet.open(new DatasetConfig(null, params, null)).shards();
    }
}

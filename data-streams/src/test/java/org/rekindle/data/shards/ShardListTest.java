package org.rekindle.data.shards;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.TestShards;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.LocalShard;

class ShardListTest {

    @TempDir
    Path folder;

    @Test
    void resolvesInTheOrderOfThePattern() {
        Path first = new TestShards().example("a").write(folder.resolve("s-1.tar"));
        Path second = new TestShards().example("b").write(folder.resolve("s-0.tar"));
        assertThat(ShardList.resolve(folder + "/s-{1..0}.tar"))
                .containsExactly(new LocalShard(first), new LocalShard(second));
    }

    @Test
    void missingShardsAreCountedAndTheFirstNamed() {
        new TestShards().example("a").write(folder.resolve("s-0.tar"));
        assertThatThrownBy(() -> ShardList.resolve(folder + "/s-{0..3}.tar"))
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
        assertThatThrownBy(() -> ShardList.resolve(shard.toString()))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("noise.tar is not a tar archive")
                .hasMessageNotContaining("\n");
    }

    @Test
    void aTextFileAndAShortFileAreNoTars() throws IOException {
        Path html = Files.writeString(folder.resolve("page.tar"), "<html>404</html>\n".repeat(100));
        Path brief = Files.writeString(folder.resolve("short.tar"), "404");
        for (Path shard : new Path[] {html, brief}) {
            assertThatThrownBy(() -> ShardList.resolve(shard.toString()))
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("is not a tar archive");
        }
    }

    @Test
    void anEmptyFileIsRefused() throws IOException {
        Path shard = Files.createFile(folder.resolve("empty.tar"));
        assertThatThrownBy(() -> ShardList.resolve(shard.toString()))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("empty.tar is not a tar archive, it is an empty file");
    }

    @Test
    void aFolderIsRefused() {
        assertThatThrownBy(() -> ShardList.resolve(folder.toString()))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(folder + " cannot be read")
                .hasMessageContaining("check that it is a file");
    }

    @Test
    void anAbsentPathIsNamedByItsKey() {
        assertThatThrownBy(() -> ShardList.resolve(null))
                .isInstanceOf(UserException.class)
                .hasMessageStartingWith("dataset.params.path is not set");
    }
}

package org.rekindle.data.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongPredicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.TestShards;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.LocalShard;

class WebDatasetReaderTest implements ReadListener {

    @TempDir
    Path folder;

    private final List<String> corrupt = new ArrayList<>();
    private long members;

    @Test
    void theKeyEndsAtTheFirstDotOfTheBaseName() throws IOException {
        List<Example> examples = read(new TestShards()
                .member("v1.0/a.jpg", "A")
                .member("v1.0/a.txt", " cat \n")
                .member("v1.0/a.seg.png", "ignored")
                .member("v1.0/b.JPEG", "B")
                .member("v1.0/b.json", "{}"));
        assertThat(examples).extracting(Example::key).containsExactly("v1.0/a", "v1.0/b");
        assertThat(examples.get(0).captions()).containsExactly("cat");
        assertThat(examples.get(0).image().read()).isEqualTo("A".getBytes());
        assertThat(examples.get(1).image().read()).isEqualTo("B".getBytes());
        assertThat(examples.get(1).captions()).isEmpty();
        assertThat(examples.get(1).name()).isEqualTo("shard.tar#v1.0/b");
    }

    @Test
    void aRepeatedSuffixStartsTheNextExample() throws IOException {
        List<Example> examples = read(
                new TestShards().member("a.jpg", "1").member("a.txt", "one").member("a.JPG", "2"));
        assertThat(examples).extracting(Example::index).containsExactly(0L, 1L);
        assertThat(examples.get(1).image().read()).isEqualTo("2".getBytes());
    }

    @Test
    void ofSeveralImagesTheFirstKindCounts() throws IOException {
        Example example = read(new TestShards().member("a.webp", "W").member("a.png", "P"))
                .get(0);
        assertThat(example.image().read()).isEqualTo("P".getBytes());
    }

    @Test
    void membersWithoutSuffixAndMetaMembersArePassedOver() {
        assertThat(read(new TestShards()
                        .member("README", "x")
                        .member(".hidden", "x")
                        .member("__index.json__", "x")
                        .member("a.txt", "one")))
                .extracting(Example::key)
                .containsExactly("a");
    }

    @Test
    void unwantedExamplesAreCountedButNotRead() {
        TestShards shard = new TestShards().example("a").example("b").example("c");
        List<Example> examples = read(shard.write(folder.resolve("shard.tar")), index -> index == 2);
        assertThat(examples).extracting(Example::key).containsExactly("c");
        assertThat(examples.get(0).index()).isEqualTo(2);
        assertThat(members).isEqualTo(2);
    }

    @Test
    void aTruncatedTarEndsItsShardAndNamesTheByte() {
        // Every member fills two records of 512 bytes: the cuts are within the image, a header and the text of b, and a
        // header of c.
        for (int length : new int[] {2600, 3100, 3600, 4100}) {
            Path shard = new TestShards().example("a").example("b").example("c").write(folder.resolve("shard.tar"));
            TestShards.truncate(shard, length);
            corrupt.clear();
            assertThat(read(shard, index -> true))
                    .extracting(Example::key)
                    .contains("a")
                    .doesNotContain("c");
            assertThat(corrupt).singleElement().asString().contains("shard.tar").contains("byte " + length);
        }
    }

    @Test
    void theExampleThatATruncationCutsIsLeftOut() {
        Path shard = new TestShards().example("a").example("b").write(folder.resolve("shard.tar"));
        TestShards.truncate(shard, 3584 + 5);
        assertThat(read(shard, index -> true)).extracting(Example::key).containsExactly("a");
        assertThat(corrupt)
                .singleElement()
                .asString()
                .contains("ends early at byte 3589")
                .contains("b.txt");
    }

    @Test
    void garbageHalfWayEndsTheShardWithItsOffset() throws IOException {
        Path shard = new TestShards().example("a").example("b").write(folder.resolve("shard.tar"));
        byte[] bytes = Files.readAllBytes(shard);
        Arrays.fill(bytes, 2048, 2560, (byte) 'x');
        Files.write(shard, bytes);
        assertThat(read(shard, index -> true)).extracting(Example::key).containsExactly("a");
        assertThat(corrupt).singleElement().asString().contains("2048").contains("shard.tar");
    }

    @Test
    void aMemberThatClaimsTerabytesEndsTheShard() throws IOException {
        Path shard = new TestShards().example("a").member("b.png", "x").write(folder.resolve("shard.tar"));
        byte[] bytes = Files.readAllBytes(shard);
        byte[] size = "77777777777\0".getBytes();
        System.arraycopy(size, 0, bytes, 2048 + 124, size.length);
        checksum(bytes, 2048);
        Files.write(shard, bytes);
        assertThat(read(shard, index -> true)).extracting(Example::key).containsExactly("a");
        assertThat(corrupt).singleElement().asString().contains("goes on to byte");
    }

    @Test
    void anEmptyTarHasNoExamplesAndIsNamed() {
        assertThat(read(new TestShards())).isEmpty();
        assertThat(corrupt).singleElement().asString().contains("shard.tar").contains("no example");
    }

    @Test
    void aFileThatIsNoTarIsRefused() throws IOException {
        Path shard = Files.write(folder.resolve("shard.tar"), new byte[] {1, 2, 3});
        assertThatThrownBy(() -> WebDatasetFormat.DEFAULT.require(new LocalShard(shard)))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("is not a tar archive");
    }

    /** The sum of the header's bytes, its own field taken as spaces (POSIX ustar). */
    private static void checksum(byte[] tar, int header) {
        Arrays.fill(tar, header + 148, header + 156, (byte) ' ');
        int sum = 0;
        for (int i = header; i < header + 512; i++) {
            sum += tar[i] & 0xFF;
        }
        byte[] text = String.format("%06o\0 ", sum).getBytes();
        System.arraycopy(text, 0, tar, header + 148, 8);
    }

    private List<Example> read(TestShards shard) {
        return read(shard.write(folder.resolve("shard.tar")), index -> true);
    }

    private List<Example> read(Path shard, LongPredicate wanted) {
        List<Example> examples = new ArrayList<>();
        try (ExampleReader reader = WebDatasetFormat.DEFAULT.open(new LocalShard(shard), wanted, 0, this)) {
            for (Example example = reader.next(); example != null; example = reader.next()) {
                examples.add(example);
            }
            assertThat(reader.next()).isNull();
        } catch (ShardFailure e) {
            corrupt.add(e.getMessage());
        }
        return examples;
    }

    @Override
    public void member(long bytes) {
        members++;
    }

    @Override
    public void corrupt(String where, String why) {
        corrupt.add(where + ": " + why);
    }
}

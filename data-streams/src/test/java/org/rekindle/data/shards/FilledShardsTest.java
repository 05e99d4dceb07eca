package org.rekindle.data.shards;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.TestShards;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ReadListener;
import org.rekindle.data.formats.ShardIndexes;
import org.rekindle.data.formats.WebDatasetFormat;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Shard;

/** Shards that are filled one after the other, and what is done with them afterwards. */
class FilledShardsTest {

    @TempDir
    Path folder;

    private int read;

    /** A source that breaks after so many examples. */
    private ShardSource source(int count, int breaksAt) {
        byte[] image = TestShards.image("rgb.png");
        return () -> IntStream.range(0, count).mapToObj(i -> {
            read++;
            if (i == breaksAt) {
                throw new UserException("killed");
            }
            return new ShardExample("k" + i, i == 3 ? new byte[0] : image, "png", "caption " + i, null);
        });
    }

    private ShardMaker.Made make(ShardSource source, ShardMaker.Options options, String recipe) {
        return ShardMaker.make(source, folder + "/s-{0..9}.tar", options, recipe, written -> {});
    }

    private static ShardMaker.Options options(Integer perShard, Long bytes, Integer workers) {
        return new ShardMaker.Options(perShard, bytes, null, 8, "png", null, workers);
    }

    @Test
    void theSameArgumentsGoOnBehindTheLastWholeShardAndGiveTheSameBytes() throws IOException {
        ShardMaker.Made whole = make(source(11, -1), options(3, null, 1), "r");
        List<byte[]> bytes = new ArrayList<>();
        for (Path shard : whole.shards()) {
            bytes.add(Files.readAllBytes(shard));
            Files.delete(shard);
        }
        assertThat(whole.examples()).isEqualTo(10);
        assertThat(whole.skipped()).isEqualTo(1);

        assertThatThrownBy(() -> make(source(11, 9), options(3, null, 1), "r")).hasMessage("killed");
        assertThat(names()).containsExactly("s-0.tar", "s-0.tar.make.json", "s-1.tar");
        ShardMaker.Made resumed = make(source(11, -1), options(3, null, 3), "r");
        assertThat(resumed).isEqualTo(whole);
        for (int i = 0; i < bytes.size(); i++) {
            assertThat(Files.readAllBytes(resumed.shards().get(i))).isEqualTo(bytes.get(i));
        }
        read = 0;
        assertThat(make(source(11, -1), options(3, null, 1), "r")).isEqualTo(whole);
        assertThat(read).as("a finished command reads nothing").isZero();
    }

    @Test
    void anotherRecipeIsRefusedAndAShardThatIsGoneIsMadeAgain() throws IOException {
        ShardMaker.Made made = make(source(11, -1), options(3, null, 1), "r");
        assertThatThrownBy(() -> make(source(11, -1), options(3, null, 1), "other"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("was made by other arguments")
                .hasMessageContaining("s-0.tar.make.json");
        byte[] second = Files.readAllBytes(made.shards().get(1));
        Files.delete(made.shards().get(1));
        assertThat(make(source(11, -1), options(3, null, 1), "r")).isEqualTo(made);
        assertThat(made.shards().get(1)).hasBinaryContent(second);
    }

    @Test
    void aShardEndsWithTheExampleThatTakesItToItsSize() {
        ShardMaker.Made made = make(source(11, -1), options(null, 4000L, 2), "r");
        assertThat(made.examples()).isEqualTo(10);
        assertThat(made.shards()).hasSizeBetween(3, 6);
        assertThatThrownBy(() -> new ShardMaker.Options(3, 4000L, null, null, null, null, null))
                .hasMessageContaining("give one");
    }

    @Test
    void theShorterSideIsResizedAndTheAspectKept() throws Exception {
        ShardMaker.Options options = new ShardMaker.Options(5, null, "shorter", 16, "jpg", 80, 2);
        Path shard = make(source(2, -1), options, "r").shards().get(0);
        ShardStatistics statistics = ShardStatistics.of(data("WebDataset", LocalShard.of(List.of(shard)), Map.of()));
        assertThat(statistics.resolutions()).containsExactly(Map.entry("24x16", 2L));
    }

    @Test
    void aResumedReadThroughAnIndexGivesTheSameExamplesAndAStaleIndexIsLeftAlone() throws IOException {
        Path path = make(source(9, -1), options(20, null, 1), "r").shards().get(0);
        Shard shard = new LocalShard(path);
        List<String> without = keys(shard, 5);
        Path index = new ShardIndexes(null).write(shard);
        assertThat(index).isEqualTo(folder.resolve("s-0.tar.index"));
        assertThat(keys(shard, 5)).isEqualTo(without).hasSize(3);
        assertThat(keys(shard, 100)).isEmpty();

        Path elsewhere = folder.resolve("indexes");
        assertThat(new ShardIndexes(elsewhere).write(shard).getParent()).isEqualTo(elsewhere);
        assertThat(new ShardIndexes(elsewhere).isThere(shard)).isTrue();

        Files.writeString(index, Files.readString(index).replaceFirst("\"length\":\\d+", "\"length\":1"));
        assertThat(keys(shard, 5)).isEqualTo(without);
        Files.writeString(index, "{");
        assertThat(keys(shard, 5)).isEqualTo(without);
    }

    /** Tars are padded by many tools, so that a shard that is made again is often as long as before. */
    @Test
    void anIndexOfAnotherShardOfTheSameLengthIsLeftAlone() {
        Path path = folder.resolve("s.tar");
        Shard shard = new LocalShard(path);
        TestShards first = new TestShards();
        TestShards second = new TestShards().member("head.txt", "x");
        for (int i = 0; i < 4; i++) {
            first.example("k" + i);
            second.example("k" + i);
        }
        first.member("k4.txt", "x").write(path);
        new ShardIndexes(null).write(shard);
        long length = path.toFile().length();
        second.write(path);
        assertThat(new ShardIndexes(null).isThere(shard)).isFalse();
        assertThat(path.toFile().length()).isEqualTo(length);
        assertThat(keys(shard, 3)).containsExactly("3 k2", "4 k3");
    }

    private static List<String> keys(Shard shard, long first) {
        List<String> keys = new ArrayList<>();
        WebDatasetFormat format = WebDatasetFormat.of(null, null, false, new ShardIndexes(null));
        try (ExampleReader reader = format.open(shard, index -> index >= first, first, ReadListener.NONE)) {
            for (Example example = reader.next(); example != null; example = reader.next()) {
                keys.add(example.index() + " " + example.key());
            }
        }
        return keys;
    }

    @Test
    void reshardingCopiesWhatPassesWithAllItsMembers() throws IOException {
        TestShards old = new TestShards();
        for (int i = 0; i < 6; i++) {
            old.example("k" + i)
                    .member("k" + i + ".json", "{\"score\": " + i + "}")
                    .member("k" + i + ".seg.png", "mask " + i);
        }
        List<Shard> shards = LocalShard.of(List.of(old.write(folder.resolve("old.tar"))));
        Resharder.Made made =
                Resharder.reshard(shards, folder + "/new-{0..9}.tar", 2, Map.of("score", ">=3"), read -> {});
        assertThat(made).isEqualTo(new Resharder.Made(2, 3, 6, Map.of("score>=3", 3L)));
        try (var tar = org.rekindle.data.formats.TarExamples.open(new LocalShard(folder.resolve("new-0.tar")))) {
            assertThat(tar.next())
                    .extracting(member -> member.name())
                    .containsExactly("k3.png", "k3.txt", "k3.json", "k3.seg.png");
        }
        assertThatThrownBy(() ->
                        Resharder.reshard(shards, folder + "/none-{0..9}.tar", 2, Map.of("score", ">9"), read -> {}))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("none of 6 examples passes");
        assertThatThrownBy(() -> Resharder.reshard(shards, folder + "/old.tar", 2, Map.of("score", ">3"), read -> {}))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("which is also read");
        assertThatThrownBy(() ->
                        Resharder.reshard(shards, folder + "/few-{0..0}.tar", 2, Map.of("score", ">=3"), read -> {}))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("more pass");
        assertThat(names()).noneMatch(name -> name.contains("unfinished"));
    }

    @Test
    void verificationNamesWhatATrainingWouldLeaveOut() {
        Path good = new TestShards().example("a").example("b").write(folder.resolve("good.tar"));
        Path bad = new TestShards()
                .member("mute.png", TestShards.image("pixel.png"))
                .member("blind.txt", "x")
                .example("list")
                .member("list.json", "[]")
                .member("broken.png", "no image")
                .member("broken.txt", "x")
                .example("cut")
                .write(folder.resolve("bad.tar"));
        TestShards.truncate(bad, bad.toFile().length() - 2048 - 600);
        List<Shard> shards = LocalShard.of(List.of(good, bad));
        ShardVerification.Found found =
                ShardVerification.verify(data("WebDataset", shards, Map.of()), true, read -> {});
        assertThat(found.examples()).isGreaterThanOrEqualTo(6);
        assertThat(String.join("\n", found.problems()))
                .contains("bad.tar#mute: no caption")
                .contains("bad.tar#blind: no image")
                .contains("bad.tar#list: its json is no object")
                .contains("bad.tar#broken: it is not a jpg, png or webp image")
                .contains("bad.tar ends early at byte");
        assertThat(ShardVerification.verify(data("WebDataset", shards.subList(0, 1), Map.of()), true, read -> {})
                        .problems())
                .isEmpty();
    }

    private static DataSet data(String type, List<Shard> shards, Map<String, String> filters) {
        DatasetConfig.Params params = new DatasetConfig.Params("", null, null, null, null, filters, null, null);
        return DataSet.of(new DatasetConfig(type, params, null), shards);
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}

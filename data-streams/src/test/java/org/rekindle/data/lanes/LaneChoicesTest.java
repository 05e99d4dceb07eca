package org.rekindle.data.lanes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import org.apache.pekko.actor.ActorSystem;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.TestShards;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.FieldsConfig;
import org.rekindle.data.stores.LocalShard;

/** What a configuration may choose of each example: fields, captions, flips, and how long to look for one that passes. */
class LaneChoicesTest {

    private static ActorSystem system;
    private static ExecutorService decoders;

    @TempDir
    Path folder;

    @BeforeAll
    static void start() {
        system = ActorSystem.create();
        decoders = DecodeThreads.start(2);
    }

    @AfterAll
    static void stop() {
        system.terminate();
        decoders.shutdown();
    }

    @Test
    void ofSeveralCaptionsOneIsDrawnAnewInEachEpochOrTheFirstIsTaken() {
        Path shard = new TestShards()
                .member("a.img", TestShards.image("rgb.png"))
                .member("a.meta", "{\"texts\": [\"one\", \"two\", \"three\"], \"score\": 3}")
                .write(folder.resolve("s.tar"));
        FieldsConfig fields = new FieldsConfig("png;img", "txt;json.texts", "meta", null);
        TreeSet<String> drawn = new TreeSet<>();
        List<LaneBatch> random = take(data(shard, fields, "random", false, Map.of("score", ">=3")), 30);
        random.forEach(batch -> drawn.addAll(batch.captions()));
        assertThat(drawn).containsExactly("one", "three", "two");
        List<LaneBatch> again = take(data(shard, fields, "random", false, Map.of()), 30);
        assertThat(again)
                .extracting(LaneBatch::captions)
                .isEqualTo(random.stream().map(LaneBatch::captions).toList());
        assertThat(take(data(shard, fields, "first", false, Map.of()), 5))
                .extracting(batch -> batch.captions().get(0))
                .containsOnly("one");
    }

    @Test
    void aboutHalfOfTheImagesAreMirrored() {
        Path shard = new TestShards()
                .member("a.jpg", TestShards.image("ramp.jpg"))
                .member("a.txt", "x")
                .write(folder.resolve("s.tar"));
        List<byte[]> images = new ArrayList<>();
        for (LaneBatch batch : take(data(shard, null, null, true, Map.of()), 60)) {
            images.add(((BatchContent.Pixels) batch.content()).rgb());
        }
        byte[] first = images.get(0);
        long same = images.stream()
                .filter(image -> java.util.Arrays.equals(image, first))
                .count();
        assertThat(same).isBetween(15L, 45L);
        byte[] other = images.stream()
                .filter(image -> !java.util.Arrays.equals(image, first))
                .findFirst()
                .orElseThrow();
        for (int y = 0; y < 16; y++) {
            for (int x = 0; x < 16; x++) {
                assertThat(other[3 * (16 * y + x)]).isEqualTo(first[3 * (16 * y + 15 - x)]);
            }
        }
    }

    @Test
    void whenHardlyAnythingPassesTheLaneStopsWithTheCounts() {
        TestShards shard = new TestShards();
        for (int i = 0; i < 40; i++) {
            shard.example("k" + i).member("k" + i + ".json", "{\"score\": " + (i == 0 ? 1 : 9) + "}");
        }
        DataSet data = data(shard.write(folder.resolve("s.tar")), null, null, false, Map.of("score", "<=1"));
        assertThatThrownBy(() -> take(data, 3))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("none of the last 30 examples can be used, the last is s.tar#k30")
                .hasMessageContaining("31 examples, 30 rejected by score<=1")
                .hasMessageContaining("rekindle shards reshard")
                .hasMessageNotContaining("\n");
    }

    private static DataSet data(
            Path shard, FieldsConfig fields, String multiCaption, boolean flip, Map<String, String> filters) {
        DatasetConfig.Params params = new DatasetConfig.Params(
                "",
                1,
                1,
                null,
                16,
                filters,
                50,
                0.0,
                fields,
                null,
                null,
                multiCaption,
                null,
                flip,
                null,
                null,
                30,
                null,
                null,
                null);
        return DataSet.of(new DatasetConfig(null, params, null), LocalShard.of(List.of(shard)));
    }

    private static List<LaneBatch> take(DataSet data, int batches) {
        List<LaneBatch> taken = new ArrayList<>();
        LanePlan plan = new LanePlan(2, 1, data.shards());
        try (LaneFeed feed = LaneFeed.open(system, data, plan, 0, LaneCursor.START, decoders)) {
            for (int i = 0; i < batches; i++) {
                taken.add(feed.next());
            }
        }
        return taken;
    }
}

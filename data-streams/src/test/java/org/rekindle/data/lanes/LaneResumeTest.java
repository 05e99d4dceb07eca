package org.rekindle.data.lanes;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import javax.imageio.ImageIO;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.apache.pekko.actor.ActorSystem;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.TestShards;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.ShardIndexes;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Shard;

/** A lane's sequence is a function of its plan: whoever stops and goes on anywhere sees the same batches. */
class LaneResumeTest {

    private static final int BATCHES = 12;

    private static ActorSystem system;
    private static ExecutorService decoders;
    private static Path folder;

    @BeforeContainer
    static void start() throws IOException {
        system = ActorSystem.create();
        decoders = DecodeThreads.start(3);
        folder = Files.createTempDirectory("lanes");
    }

    @AfterContainer
    static void stop() throws IOException {
        system.terminate();
        decoders.shutdown();
        try (var files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }

    @Property(tries = 60)
    void aResumedLaneGivesTheSameBatches(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 5) int shards,
            @ForAll @IntRange(min = 1, max = 6) int lanes,
            @ForAll @IntRange(min = 1, max = 9) int shuffleBuffer,
            @ForAll @IntRange(min = 1, max = 4) int batchSize,
            @ForAll @IntRange(min = 0, max = BATCHES - 1) int stop,
            @ForAll boolean filtered,
            @ForAll boolean bucketed,
            @ForAll boolean indexed)
            throws IOException {
        TestData data = TestData.write(seed, shards);
        DatasetConfig.Params params =
                params(batchSize, shuffleBuffer, filtered ? Map.of("score", "<=5") : Map.of(), 0.4, bucketed);
        if (indexed) {
            data.shards.forEach(new ShardIndexes(null)::write);
        }
        LanePlan plan = new LanePlan(seed, lanes, data.shards);
        int lane = (int) Math.floorMod(seed, (long) lanes);

        List<LaneBatch> whole = take(params, plan, lane, LaneCursor.START, BATCHES);
        LaneCursor cursor = stop == 0 ? LaneCursor.START : whole.get(stop - 1).after();
        List<LaneBatch> resumed = take(params, plan, lane, cursor, BATCHES - stop);
        assertSame(resumed, whole.subList(stop, BATCHES));
        for (int i = 1; i < BATCHES; i++) {
            assertThat(whole.get(i).before()).isEqualTo(whole.get(i - 1).after());
            for (int j = 0; j < i; j++) {
                assertThat(whole.get(i).after().isBehind(whole.get(j).after())).isTrue();
                assertThat(whole.get(j).after().isBehind(whole.get(i).after())).isFalse();
            }
        }
    }

    @Property(tries = 40)
    void everyEpochVisitsEveryAcceptedExampleOnce(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 5) int shards,
            @ForAll @IntRange(min = 1, max = 6) int lanes,
            @ForAll @IntRange(min = 1, max = 9) int shuffleBuffer,
            @ForAll boolean filtered,
            @ForAll boolean bucketed)
            throws IOException {
        TestData data = TestData.write(seed, shards);
        DatasetConfig.Params params =
                params(1, shuffleBuffer, filtered ? Map.of("score", "<=5") : Map.of(), 0, bucketed);
        LanePlan plan = new LanePlan(seed, lanes, data.shards);
        Map<Long, List<String>> visited = new HashMap<>();
        int epochs = 3;
        for (int lane = 0; lane < lanes; lane++) {
            try (LaneFeed feed = open(params, plan, lane, LaneCursor.START)) {
                for (LaneBatch batch = feed.next(); epochOf(batch) < epochs; batch = feed.next()) {
                    visited.computeIfAbsent(epochOf(batch), epoch -> new ArrayList<>())
                            .addAll(batch.keys());
                }
            }
        }
        List<String> expected = filtered ? data.lowScores : data.usable;
        for (long epoch = 0; epoch < epochs; epoch++) {
            assertThat(visited.get(epoch)).containsExactlyInAnyOrderElementsOf(expected);
        }
    }

    @Example
    void theOrderChangesFromEpochToEpochAndMixesShards() throws IOException {
        TestData data = TestData.write(3, 4);
        DatasetConfig.Params params = params(data.usable.size(), 1000, Map.of(), 0);
        List<LaneBatch> epochs = take(params, new LanePlan(3, 1, data.shards), 0, LaneCursor.START, 2);
        assertThat(epochs.get(0).keys()).isNotEqualTo(epochs.get(1).keys());
        assertThat(new TreeSet<>(epochs.get(0).keys()))
                .isEqualTo(new TreeSet<>(epochs.get(1).keys()));
        assertThat(epochs.get(0).after()).isEqualTo(new LaneCursor(1, 0, 0, 0, 0));
    }

    @Example
    void captionDropoutStrikesItsShareAndNeverTheSameExamplesInEveryEpoch() throws IOException {
        TestData data = TestData.write(4, 4);
        DatasetConfig.Params params = params(data.usable.size(), 10, Map.of(), 0.5);
        List<LaneBatch> epochs = take(params, new LanePlan(3, 1, data.shards), 0, LaneCursor.START, 20);
        long dropped = epochs.stream()
                .flatMap(batch -> batch.captions().stream())
                .filter(String::isEmpty)
                .count();
        long all = 20L * data.usable.size();
        assertThat(dropped).isBetween(all * 4 / 10, all * 6 / 10);
        assertThat(droppedKeys(epochs.get(0))).isNotEqualTo(droppedKeys(epochs.get(1)));
    }

    /** A run that resumes under a newer release must find the order and the captions it began with. */
    @Example
    void theSequenceIsTheSameInEveryRelease() {
        TestShards examples = new TestShards();
        for (int i = 0; i < 8; i++) {
            examples.example("k" + i);
        }
        Path shard = examples.write(folder.resolve("s0.tar"));
        LaneBatch batch = take(
                        params(8, 5, Map.of(), 0.5),
                        new LanePlan(7, 1, List.of(new LocalShard(shard))),
                        0,
                        LaneCursor.START,
                        1)
                .get(0);
        assertThat(String.join(" ", batch.keys()).replace("s0.tar#", "")).isEqualTo("k2 k4 k3 k0 k1 k6 k7 k5");
        assertThat(droppedKeys(batch)).containsExactly("s0.tar#k0", "s0.tar#k1", "s0.tar#k2", "s0.tar#k4", "s0.tar#k5");
    }

    private static TreeSet<String> droppedKeys(LaneBatch batch) {
        TreeSet<String> keys = new TreeSet<>();
        for (int i = 0; i < batch.size(); i++) {
            if (batch.captions().get(i).isEmpty()) {
                keys.add(batch.keys().get(i));
            }
        }
        return keys;
    }

    /** The epoch of a batch of one: where the example before it may close the epoch, the one after it cannot begin before it. */
    private static long epochOf(LaneBatch batch) {
        LaneCursor after = batch.after();
        return after.equals(new LaneCursor(after.epoch(), 0, 0, 0, 0)) ? after.epoch() - 1 : after.epoch();
    }

    private static void assertSame(List<LaneBatch> actual, List<LaneBatch> expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.size(); i++) {
            assertThat(actual.get(i)).usingRecursiveComparison().isEqualTo(expected.get(i));
        }
    }

    private static List<LaneBatch> take(
            DatasetConfig.Params params, LanePlan plan, int lane, LaneCursor from, int batches) {
        List<LaneBatch> taken = new ArrayList<>();
        try (LaneFeed feed = open(params, plan, lane, from)) {
            for (int i = 0; i < batches; i++) {
                taken.add(feed.next());
            }
        }
        return taken;
    }

    private static LaneFeed open(DatasetConfig.Params params, LanePlan plan, int lane, LaneCursor from) {
        return LaneFeed.open(
                system, DataSet.of(new DatasetConfig(null, params, null), plan.shards()), plan, lane, from, decoders);
    }

    private static DatasetConfig.Params params(
            int batchSize, int shuffleBuffer, Map<String, String> filters, double textDropout) {
        return params(batchSize, shuffleBuffer, filters, textDropout, false);
    }

    /** With {@code all}: buckets, random crops and flips too. */
    private static DatasetConfig.Params params(
            int batchSize, int shuffleBuffer, Map<String, String> filters, double textDropout, boolean all) {
        return new DatasetConfig.Params(
                "",
                batchSize,
                3,
                null,
                all ? 16 : 1,
                filters,
                shuffleBuffer,
                textDropout,
                null,
                null,
                null,
                null,
                all,
                all,
                all ? new BucketsConfig(4, 3.0) : null,
                null,
                null,
                null,
                null,
                null);
    }

    private static final List<byte[]> IMAGES =
            List.of(TestShards.image("pixel.png"), png(8, 20), png(20, 8), png(9, 10), png(30, 11));

    /** An image with a gradient, so that crops and flips show. */
    private static byte[] png(int width, int height) {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.setRGB(x, y, (x * 8) << 16 | (y * 8) << 8 | 0x40);
            }
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            ImageIO.write(image, "png", bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** Either no image at all, which is seen before the shuffle, or one whose data end early, which only the decoder sees. */
    private static byte[] damaged(Random random, byte[] image) {
        return random.nextBoolean() ? new byte[] {1, 2} : Arrays.copyOf(image, 40);
    }

    /** Shards of a few examples, some without caption, some damaged, with a random score; at least one of them is good. */
    private static final class TestData {
        private final List<Shard> shards = new ArrayList<>();
        private final List<String> usable = new ArrayList<>();
        private final List<String> lowScores = new ArrayList<>();

        static TestData write(long seed, int count) {
            TestData data = new TestData();
            Random random = new Random(seed);
            List<byte[]> images = IMAGES;
            for (int s = 0; s < count; s++) {
                TestShards shard = new TestShards();
                String name = "s" + s + ".tar";
                int examples = 1 + random.nextInt(14);
                for (int i = 0; i < examples; i++) {
                    boolean first = s == 0 && i == 0;
                    int score = first ? 0 : random.nextInt(11);
                    boolean damaged = !first && random.nextInt(8) == 0;
                    boolean captioned = first || random.nextInt(8) != 0;
                    shard.member(
                                    i + ".png",
                                    damaged
                                            ? damaged(random, images.get(i % images.size()))
                                            : images.get(i % images.size()))
                            .member(i + ".json", "{\"score\": " + score + "}");
                    if (captioned) {
                        shard.member(i + ".txt", "example " + i);
                    }
                    if (captioned && !damaged) {
                        data.usable.add(name + "#" + i);
                        if (score <= 5) {
                            data.lowScores.add(name + "#" + i);
                        }
                    }
                }
                data.shards.add(new LocalShard(shard.write(folder.resolve(name))));
            }
            return data;
        }
    }
}

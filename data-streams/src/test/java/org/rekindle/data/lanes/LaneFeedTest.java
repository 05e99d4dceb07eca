package org.rekindle.data.lanes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.ActorSystem;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.CapturedLog;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.TestShards;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.stores.LocalShard;

@Timeout(60)
class LaneFeedTest {

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
    void givesPixelsCaptionsAndKeysOfABatch() {
        Path shard = new TestShards()
                .member("a.jpg", TestShards.image("rgb.jpg"))
                .member("a.txt", "orange")
                .member("b.webp", TestShards.image("alpha.webp"))
                .member("b.txt", "pale")
                .write(folder.resolve("s.tar"));
        try (LaneFeed feed = open(params(2, 4, Map.of()), shard)) {
            LaneBatch batch = feed.next();
            assertThat(((BatchContent.Pixels) batch.content()).rgb()).hasSize(2 * 4 * 4 * 3);
            int pale = batch.captions().indexOf("pale");
            assertThat(((BatchContent.Pixels) batch.content()).rgb()[pale * 48 + 2] & 0xFF)
                    .isEqualTo(147);
            assertThat(batch.keys()).containsExactlyInAnyOrder("s.tar#a", "s.tar#b");
            assertThat(batch.before()).isEqualTo(LaneCursor.START);
        }
    }

    @Test
    void damagedImagesAreCountedNamedAndSkipped() {
        Path shard = new TestShards()
                .member("zero.png", new byte[0])
                .member("zero.txt", "nothing")
                .member("gif.jpg", "GIF89a")
                .member("gif.txt", "moving")
                .example("good")
                .write(folder.resolve("s.tar"));
        try (CapturedLog log = new CapturedLog();
                LaneFeed feed = open(params(1, 1, Map.of()), shard)) {
            assertThat(feed.next().keys()).containsExactly("s.tar#good");
            assertThat(feed.next().keys()).containsExactly("s.tar#good");
            assertThat(feed.counts().losses().corrupt()).isGreaterThanOrEqualTo(2);
            assertThat(log.lines())
                    .contains(
                            "left out s.tar#zero: the image has zero bytes",
                            "left out s.tar#gif: it is not a jpg, png or webp image");
        }
    }

    @Test
    void aTruncatedTarEndsItsShardWithAWarningAndTheLaneGoesOn() {
        Path cut = new TestShards().example("a").example("b").write(folder.resolve("cut.tar"));
        TestShards.truncate(cut, 2600);
        Path whole = new TestShards().example("c").write(folder.resolve("whole.tar"));
        try (CapturedLog log = new CapturedLog();
                LaneFeed feed = open(params(2, 1, Map.of()), cut, whole)) {
            assertThat(feed.next().keys()).containsExactlyInAnyOrder("cut.tar#a", "whole.tar#c");
            assertThat(log.lines()).anyMatch(line -> line.contains("cut.tar") && line.contains("byte 2600"));
        }
    }

    @Test
    void aCaptionOfTenThousandCharactersPasses() {
        Path shard = new TestShards()
                .member("a.png", TestShards.image("pixel.png"))
                .member("a.txt", "word ".repeat(2000) + ".")
                .write(folder.resolve("s.tar"));
        try (LaneFeed feed = open(params(1, 1, Map.of()), shard)) {
            assertThat(feed.next().captions().get(0)).hasSize(10_001);
        }
    }

    @Test
    void filtersAreAppliedBeforeTheImageIsDecoded() {
        Path shard = new TestShards()
                .member("bad.png", "no image")
                .member("bad.json", "{\"pwatermark\": 0.9}")
                .member("bad.txt", "marked")
                .member("null.png", "no image")
                .member("null.json", "{\"pwatermark\": null}")
                .member("null.txt", "unknown")
                .member("good.json", "{\"pwatermark\": 0.1}")
                .example("good")
                .write(folder.resolve("s.tar"));
        try (LaneFeed feed = open(params(1, 1, Map.of("pwatermark", "<=0.5")), shard)) {
            assertThat(feed.next().keys()).containsExactly("s.tar#good");
            StageCounts counts = feed.counts();
            assertThat(counts.losses().corrupt()).isZero();
            assertThat(counts.losses().rejected().get("pwatermark<=0.5")).isGreaterThanOrEqualTo(2);
            assertThat(counts.read().items()).isGreaterThanOrEqualTo(3);
            assertThat(counts.read().bytes()).isPositive();
            assertThat(counts.read().busySeconds()).isPositive();
            assertThat(counts.decode().items()).isPositive();
            assertThat(counts.decode().bytes()).isPositive();
            assertThat(counts.decode().busySeconds()).isPositive();
            assertThat(counts.batch().items()).isPositive();
            assertThat(counts.batch().bytes()).isPositive();
            assertThat(counts.waitSeconds()).isPositive().isLessThanOrEqualTo(counts.openSeconds());
        }
    }

    @Test
    void aDataSetOfWhichNothingPassesFailsWithTheCounts() {
        Path shard = new TestShards()
                .member("a.png", TestShards.image("pixel.png"))
                .member("a.json", "{\"pwatermark\": 0.9}")
                .member("a.txt", "marked")
                .member("b.png", TestShards.image("pixel.png"))
                .member("b.json", "not json")
                .member("b.txt", "broken")
                .member("c.png", TestShards.image("pixel.png"))
                .member("d.txt", "no image")
                .write(folder.resolve("s.tar"));
        assertFails(params(1, 1, Map.of("pwatermark", "<=0.5")), shard)
                .hasMessage(
                        "no example of the data set can be used: 1 shards with 4 examples, 1 rejected by pwatermark<=0.5,"
                                + " 1 without an image, 1 without a caption, 1 corrupt, named in the log;"
                                + " relax dataset.params.filters (rekindle shards stat shows what is in them)");
    }

    @Test
    void shardsWithoutAnyCaptionFail() {
        Path shard = new TestShards()
                .member("a.png", TestShards.image("pixel.png"))
                .member("b.png", TestShards.image("pixel.png"))
                .write(folder.resolve("s.tar"));
        assertFails(params(1, 1, Map.of()), shard).hasMessageContaining("2 without a caption");
    }

    @Test
    void emptyTarsAloneFail() {
        Path shard = new TestShards().write(folder.resolve("s.tar"));
        assertFails(params(1, 1, Map.of()), shard).hasMessageContaining("1 shards with 0 examples");
    }

    @Test
    void onlyDamagedImagesFail() {
        Path shard = new TestShards().member("a.png", "x").member("a.txt", "x").write(folder.resolve("s.tar"));
        assertFails(params(1, 1, Map.of()), shard).hasMessageContaining("1 corrupt");
    }

    @Test
    void aLaneWithoutAnExampleInOneEpochWaitsForTheNext() {
        Path shard = new TestShards().example("only").write(folder.resolve("s.tar"));
        LanePlan plan = new LanePlan(5, 4, LocalShard.of(List.of(shard)));
        for (int lane = 0; lane < 4; lane++) {
            try (LaneFeed feed = open(params(2, 1, Map.of()), plan, lane, LaneCursor.START)) {
                assertThat(feed.next().keys()).containsExactly("s.tar#only", "s.tar#only");
            }
        }
    }

    @Test
    void aShardThatVanishesFailsTheLaneInOneLine() {
        assertFails(params(1, 1, Map.of()), folder.resolve("gone.tar"))
                .hasMessageContaining("gone.tar cannot be read")
                .hasMessageNotContaining("\n");
    }

    @Test
    void aCursorOfOtherShardsIsRefused() {
        Path shard = new TestShards().example("a").write(folder.resolve("s.tar"));
        LaneCursor beyond = new LaneCursor(0, 0, 0, 0, 7);
        LanePlan plan = new LanePlan(0, 1, LocalShard.of(List.of(shard)));
        try (LaneFeed feed = open(params(1, 1, Map.of()), plan, 0, beyond)) {
            assertThatThrownBy(feed::next)
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("since the checkpoint");
        }
    }

    @Test
    void valuesOutOfRangeAreNamedByTheirKeys() {
        Path shard = new TestShards().example("a").write(folder.resolve("s.tar"));
        assertThatThrownBy(() -> open(params(0, 1, Map.of()), shard))
                .hasMessageContaining("dataset.params.batch_size is 0");
        assertThatThrownBy(() -> open(params(null, 1, Map.of()), shard))
                .hasMessageContaining("dataset.params.batch_size is not set");
        assertThatThrownBy(() -> open(params(1, 0, Map.of()), shard))
                .hasMessageContaining("dataset.params.resolution is 0");
    }

    @Test
    void closingEndsAWaitingTaker() throws Exception {
        Path shard = new TestShards().example("a").write(folder.resolve("s.tar"));
        LaneFeed feed = LaneFeed.open(
                system,
                dataSet(params(1, 1, Map.of()), shard),
                new LanePlan(0, 1, LocalShard.of(List.of(shard))),
                0,
                LaneCursor.START,
                task -> {});
        CompletableFuture<LaneBatch> taker = CompletableFuture.supplyAsync(feed::next);
        Thread.sleep(100);
        feed.close();
        assertThat(taker)
                .failsWithin(Duration.ofSeconds(10))
                .withThrowableThat()
                .havingRootCause()
                .isInstanceOf(CancellationException.class);
    }

    @Test
    void readingStopsWhenNobodyTakes() throws Exception {
        TestShards examples = new TestShards();
        for (int i = 0; i < 200; i++) {
            examples.example(String.format("%03d", i));
        }
        Path shard = examples.write(folder.resolve("s.tar"));
        DatasetConfig.Params params = new DatasetConfig.Params("", 4, 2, null, 1, Map.of(), 8, 0.0);
        try (LaneFeed feed = open(params, shard)) {
            feed.next();
            long before = -1;
            while (feed.counts().read().items() != before) {
                before = feed.counts().read().items();
                TimeUnit.MILLISECONDS.sleep(200);
            }
            assertThat(before).isLessThan(100);
        }
    }

    @Test
    void theBenchmarkReadsWhatItIsAskedTo() {
        Path shard = new TestShards().example("a").example("b").write(folder.resolve("s.tar"));
        // Enough of them to take more than the 10 ms that CPU time is counted in.
        DatasetConfig.Params params = new DatasetConfig.Params("", 4, 2, 4001L, 1, Map.of(), 8, 0.0);
        DataBenchmark.Result result = DataBenchmark.run(system, dataSet(params, shard));
        assertThat(result.images()).isEqualTo(4004);
        assertThat(result.imagesPerSecond()).isPositive();
        assertThat(result.cpuSeconds()).isPositive();
        assertThat(result.peakRssBytes()).isGreaterThan(10_000_000);
    }

    private static org.assertj.core.api.AbstractThrowableAssert<?, ? extends Throwable> assertFails(
            DatasetConfig.Params params, Path shard) {
        try (LaneFeed feed = open(params, shard)) {
            return assertThatThrownBy(feed::next).isInstanceOf(UserException.class);
        }
    }

    private static LaneFeed open(DatasetConfig.Params params, Path... shards) {
        return open(params, new LanePlan(0, 1, LocalShard.of(List.of(shards))), 0, LaneCursor.START);
    }

    private static LaneFeed open(DatasetConfig.Params params, LanePlan plan, int lane, LaneCursor from) {
        DataSet dataSet = DataSet.of(new DatasetConfig(null, params, null), plan.shards());
        return LaneFeed.open(system, dataSet, plan, lane, from, decoders);
    }

    private static DataSet dataSet(DatasetConfig.Params params, Path shard) {
        return DataSet.of(new DatasetConfig(null, params, null), LocalShard.of(List.of(shard)));
    }

    private static DatasetConfig.Params params(Integer batchSize, int resolution, Map<String, String> filters) {
        return new DatasetConfig.Params("", batchSize, 2, null, resolution, filters, 100, 0.0);
    }
}

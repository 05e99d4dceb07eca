package org.rekindle.data.lanes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.ActorSystem;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.TestShards;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Shard;

/** Shards whose store fails half-way. */
class LaneSkipTest {

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

    /** A local shard whose store breaks off after so many bytes, as long as it does. */
    private static final class Broken implements Shard {
        private final LocalShard shard;
        private long breaksAt;

        Broken(Path path, long breaksAt) {
            this.shard = new LocalShard(path);
            this.breaksAt = breaksAt;
        }

        @Override
        public String location() {
            return shard.location();
        }

        @Override
        public InputStream open(long offset) throws IOException {
            long[] left = {breaksAt - offset};
            return new FilterInputStream(shard.open(offset)) {
                @Override
                public int read(byte[] into, int at, int count) throws IOException {
                    if (left[0] <= 0) {
                        throw new IOException("503 Slow Down, at the last of 5 attempts too");
                    }
                    int read = in.read(into, at, (int) Math.min(count, left[0]));
                    left[0] -= Math.max(0, read);
                    return read;
                }

                @Override
                public long skip(long count) throws IOException {
                    long skipped = in.skip(Math.min(count, left[0]));
                    left[0] -= skipped;
                    return skipped;
                }
            };
        }

        @Override
        public long length() throws IOException {
            return shard.length();
        }
    }

    @Test
    void aShardThatBreaksOffIsGivenUpAtTheSamePlaceOnEveryResume() {
        Shard whole = new LocalShard(shard("whole.tar", 6));
        // Each example takes 2048 bytes: four are whole, the fifth is cut.
        Broken broken = new Broken(shard("broken.tar", 10), 4 * 2048 + 700);
        DataSet data = data("skip", 3, whole, broken);
        LanePlan plan = new LanePlan(1, 1, data.shards());
        List<LaneBatch> uninterrupted = take(data, plan, LaneCursor.START, 5);
        assertThat(keys(uninterrupted)).hasSize(10).doesNotHaveDuplicates();
        List<LaneCursor> skipping = uninterrupted.stream()
                .map(LaneBatch::after)
                .filter(cursor -> !cursor.skips().isEmpty())
                .toList();
        assertThat(skipping)
                .isNotEmpty()
                .allSatisfy(cursor -> assertThat(cursor.skips()).singleElement().satisfies(skip -> {
                    assertThat(skip.example()).isEqualTo(4);
                    assertThat(skip.why())
                            .contains("broken.tar", "byte", "4.png", "503 Slow Down")
                            .doesNotContain("\n");
                }));

        broken.breaksAt = Long.MAX_VALUE;
        // What was committed before the shard was given up stands; from then on its rest stays away.
        int first = uninterrupted.indexOf(uninterrupted.stream()
                .filter(batch -> !batch.after().skips().isEmpty())
                .findFirst()
                .orElseThrow());
        for (int stop = first + 1; stop < 5; stop++) {
            List<LaneBatch> resumed =
                    take(data, plan, uninterrupted.get(stop - 1).after(), 5 - stop);
            assertThat(keys(resumed)).as("after batch %d", stop).isEqualTo(keys(uninterrupted.subList(stop, 5)));
            assertThat(resumed.get(0).after()).isEqualTo(uninterrupted.get(stop).after());
        }
    }

    @Test
    void aShardThatGivesLessThanBeforeACheckpointStopsTheLane() {
        Broken broken = new Broken(shard("broken.tar", 10), 4 * 2048 + 700);
        DataSet data = data("skip", 20, broken, new LocalShard(shard("whole.tar", 6)));
        LanePlan plan = new LanePlan(1, 1, data.shards());
        LaneCursor after = take(data, plan, LaneCursor.START, 1).get(0).after();
        broken.breaksAt = 2048 + 700;
        assertThatThrownBy(() -> take(data, plan, after, 1))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("broken.tar")
                .hasMessageContaining("the same command goes on where it stopped");
    }

    @Test
    void withoutAPolicyAStoreThatFailsStopsTheLaneAndDamageDoesNot() {
        Broken broken = new Broken(shard("broken.tar", 10), 3000);
        assertThatThrownBy(() -> take(data(null, 3, broken), new LanePlan(1, 1, List.of(broken)), LaneCursor.START, 1))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("on_shard_error=skip");
        Path cut = shard("cut.tar", 4);
        TestShards.truncate(cut, 2 * 2048 + 100);
        DataSet damaged = data(null, 4, new LocalShard(cut));
        LanePlan plan = new LanePlan(1, 1, damaged.shards());
        assertThat(keys(take(damaged, plan, LaneCursor.START, 2))).containsOnly("cut.tar#0", "cut.tar#1");
        assertThatThrownBy(() -> take(data("stop", 4, new LocalShard(cut)), plan, LaneCursor.START, 1))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("cut.tar ends early at byte 4196");
    }

    @Test
    void closingEndsAWaitForBytes() throws Exception {
        CountDownLatch waiting = new CountDownLatch(1);
        CountDownLatch closed = new CountDownLatch(1);
        Shard silent = new Shard() {
            @Override
            public String location() {
                return "silent.tar";
            }

            @Override
            public InputStream open(long offset) {
                return new InputStream() {
                    @Override
                    public int read() throws IOException {
                        waiting.countDown();
                        try {
                            closed.await();
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                        }
                        throw new IOException("closed");
                    }

                    @Override
                    public void close() {
                        closed.countDown();
                    }
                };
            }

            @Override
            public long length() {
                return -1;
            }
        };
        LaneFeed feed = LaneFeed.open(
                system, data("skip", 1, silent), new LanePlan(1, 1, List.of(silent)), 0, LaneCursor.START, decoders);
        CompletableFuture<LaneBatch> taker = CompletableFuture.supplyAsync(feed::next);
        waiting.await();
        feed.close();
        assertThat(closed.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(taker)
                .failsWithin(10, TimeUnit.SECONDS)
                .withThrowableThat()
                .havingRootCause()
                .isInstanceOf(CancellationException.class);
    }

    private Path shard(String name, int examples) {
        TestShards shard = new TestShards();
        for (int i = 0; i < examples; i++) {
            shard.example(Integer.toString(i));
        }
        return shard.write(folder.resolve(name));
    }

    private static DataSet data(String onShardError, int shuffleBuffer, Shard... shards) {
        DatasetConfig.Params params = new DatasetConfig.Params(
                "",
                2,
                1,
                null,
                1,
                Map.of(),
                shuffleBuffer,
                0.0,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                onShardError,
                null,
                null,
                null,
                null);
        return DataSet.of(new DatasetConfig(null, params, null), List.of(shards));
    }

    private static List<LaneBatch> take(DataSet data, LanePlan plan, LaneCursor from, int batches) {
        List<LaneBatch> taken = new ArrayList<>();
        try (LaneFeed feed = LaneFeed.open(system, data, plan, 0, from, decoders)) {
            for (int i = 0; i < batches; i++) {
                taken.add(feed.next());
            }
        }
        return taken;
    }

    private static List<String> keys(List<LaneBatch> batches) {
        return batches.stream().flatMap(batch -> batch.keys().stream()).toList();
    }
}

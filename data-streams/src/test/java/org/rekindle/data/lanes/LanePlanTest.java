package org.rekindle.data.lanes;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Shard;

class LanePlanTest {

    @Property(tries = 150)
    void theWalksOfAnEpochHoldEveryRangeOnceAndNoLaneIsWithout(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 20) int lanes,
            @ForAll @IntRange(min = 1, max = 20) int shards) {
        LanePlan plan = new LanePlan(seed, lanes, shards(shards));
        for (long epoch = 0; epoch < 3; epoch++) {
            List<ShardRange> all = new ArrayList<>();
            for (int lane = 0; lane < lanes; lane++) {
                List<ShardRange> walk = plan.walk(lane, epoch);
                assertThat(walk).isNotEmpty().isEqualTo(plan.walk(lane, epoch));
                all.addAll(walk);
            }
            assertThat(all).containsExactlyInAnyOrderElementsOf(plan.ranges());
        }
    }

    @Test
    void fewerShardsThanLanesAreSplitByExampleIndex() {
        LanePlan plan = new LanePlan(1, 5, shards(2));
        assertThat(plan.split()).isEqualTo(3);
        assertThat(plan.ranges()).hasSize(6);
        assertThat(IntStream.range(0, 7).filter(i -> plan.ranges().get(1).contains(i)))
                .containsExactly(1, 4);
    }

    @Test
    void epochAndSeedChangeTheOrder() {
        LanePlan plan = new LanePlan(1, 1, shards(20));
        assertThat(plan.walk(0, 0))
                .isNotEqualTo(plan.walk(0, 1))
                .isNotEqualTo(new LanePlan(2, 1, shards(20)).walk(0, 0));
    }

    /** A run that resumes under a newer release must find the order it began with. */
    @Test
    void theOrderIsTheSameInEveryRelease() {
        assertThat(order(new LanePlan(7, 2, shards(6)), 0, 0)).containsExactly("s2.tar", "s4.tar", "s1.tar");
        assertThat(order(new LanePlan(7, 2, shards(6)), 1, 1)).containsExactly("s5.tar", "s2.tar", "s4.tar");
        assertThat(new LanePlan(7, 4, shards(3)).walk(1, 0))
                .containsExactly(
                        new ShardRange(new LocalShard(Path.of("s1.tar")), 2, 1),
                        new ShardRange(new LocalShard(Path.of("s0.tar")), 2, 0));
    }

    private static List<String> order(LanePlan plan, int lane, long epoch) {
        return plan.walk(lane, epoch).stream()
                .map(range -> range.shard().name())
                .toList();
    }

    private static List<Shard> shards(int count) {
        return IntStream.range(0, count)
                .<Shard>mapToObj(i -> new LocalShard(Path.of("s" + i + ".tar")))
                .toList();
    }
}

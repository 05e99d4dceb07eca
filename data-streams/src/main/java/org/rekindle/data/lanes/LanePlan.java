package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.List;
import org.apache.commons.rng.sampling.ListSampler;
import org.rekindle.data.KeyedRandom;
import org.rekindle.data.stores.Shard;

/**
 * Which shard ranges each lane walks in each epoch: a pure function of seed, lanes and shards (DESIGN 3.1). The walks of all lanes
 * in one epoch hold every example once.
 *
 * @param seed the run's seed
 * @param lanes lanes of the whole run
 * @param shards all shards, in the order of {@code dataset.params.path}
 */
public record LanePlan(long seed, int lanes, List<Shard> shards) {

    public LanePlan {
        if (lanes < 1) {
            throw new IllegalArgumentException("lanes must be at least 1, got " + lanes);
        }
        if (shards.isEmpty()) {
            throw new IllegalArgumentException("a plan needs at least one shard");
        }
        shards = List.copyOf(shards);
    }

    /** Returns into how many ranges each shard is split: ceil(lanes / shards), so that no lane stays without one. */
    public int split() {
        return (lanes + shards.size() - 1) / shards.size();
    }

    /** Returns the ranges of one lane in one epoch: positions lane, lane + lanes, lane + 2 lanes... of the epoch's permutation. */
    public List<ShardRange> walk(int lane, long epoch) {
        List<ShardRange> permutation = ranges();
        ListSampler.shuffle(KeyedRandom.of(seed, "shards", epoch), permutation);
        List<ShardRange> walk = new ArrayList<>();
        for (int i = lane; i < permutation.size(); i += lanes) {
            walk.add(permutation.get(i));
        }
        return walk;
    }

    /** Returns the ranges of all shards in the order of the shards. */
    public List<ShardRange> ranges() {
        int split = split();
        List<ShardRange> ranges = new ArrayList<>(shards.size() * split);
        for (Shard shard : shards) {
            for (int remainder = 0; remainder < split; remainder++) {
                ranges.add(new ShardRange(shard, split, remainder));
            }
        }
        return ranges;
    }
}

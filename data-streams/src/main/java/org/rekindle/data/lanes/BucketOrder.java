package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.commons.rng.UniformRandomProvider;
import org.apache.commons.rng.sampling.ListSampler;

/**
 * Orders a permuted block such that batches, as far as possible, are of one size: batches of one bucket in random order, then what is left
 * of the buckets by aspect ratio, so that a batch that has to mix mixes neighbours. The batch across the border to the block before
 * is made of such remainders too. A pure function of the block, so a resumed lane finds the same order.
 */
final class BucketOrder {

    private BucketOrder() {}

    /**
     * @param permuted the block in random order
     * @param carried examples of the block before that wait for the first of this one to make a batch
     */
    static List<Accepted> of(List<Accepted> permuted, int carried, int batchSize, UniformRandomProvider random) {
        Map<ImageSize, List<Accepted>> bySize =
                new TreeMap<>(Comparator.comparingDouble(ImageSize::aspect).thenComparingInt(ImageSize::width));
        permuted.forEach(accepted -> bySize.computeIfAbsent(accepted.size(), size -> new ArrayList<>())
                .add(accepted));
        List<List<Accepted>> batches = new ArrayList<>();
        List<Accepted> rest = new ArrayList<>();
        for (List<Accepted> bucket : bySize.values()) {
            int whole = bucket.size() / batchSize * batchSize;
            for (int i = 0; i < whole; i += batchSize) {
                batches.add(bucket.subList(i, i + batchSize));
            }
            rest.addAll(bucket.subList(whole, bucket.size()));
        }
        ListSampler.shuffle(random, batches);
        int head = Math.min(permuted.size(), (batchSize - carried) % batchSize);
        while (rest.size() < head) {
            rest.addAll(batches.remove(batches.size() - 1));
        }
        // The block before ended with its widest.
        List<Accepted> ordered = new ArrayList<>(rest.subList(rest.size() - head, rest.size()));
        batches.forEach(ordered::addAll);
        ordered.addAll(rest.subList(0, rest.size() - head));
        return ordered;
    }
}

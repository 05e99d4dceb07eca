package org.rekindle.data.lanes;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.apache.commons.rng.sampling.ListSampler;
import org.rekindle.data.KeyedRandom;

class BucketsTest {

    @Example
    void withoutBucketsEverythingIsSquare() {
        Buckets square = Buckets.of(512, null);
        assertThat(square.areMany()).isFalse();
        assertThat(square.nearest(1000, 10)).isEqualTo(new ImageSize(512, 512));
    }

    @Example
    void theSizesOfFiveHundredAndTwelve() {
        Buckets buckets = Buckets.of(512, new BucketsConfig(null, null));
        assertThat(buckets.sizes())
                .containsExactly(
                        new ImageSize(384, 640),
                        new ImageSize(448, 576),
                        new ImageSize(512, 512),
                        new ImageSize(576, 448),
                        new ImageSize(640, 384));
    }

    @Property
    void sizesKeepTheAreaTheStepAndTheAspect(
            @ForAll @IntRange(min = 64, max = 1024) int resolution,
            @ForAll @IntRange(min = 8, max = 64) int step,
            @ForAll @IntRange(min = 10, max = 40) int tenths) {
        BucketsConfig config = new BucketsConfig(step, tenths / 10.0);
        Buckets buckets = Buckets.of(resolution, config);
        assertThat(buckets.sizes()).isNotEmpty().doesNotHaveDuplicates();
        if (buckets.areMany()) {
            for (ImageSize size : buckets.sizes()) {
                assertThat(size.width() % step + size.height() % step).isZero();
                assertThat(size.width() * size.height()).isLessThanOrEqualTo(resolution * resolution);
                assertThat(Math.max(size.aspect(), 1 / size.aspect())).isLessThanOrEqualTo(config.maxAspectRatio());
                assertThat(buckets.nearest(size.width() * 3, size.height() * 3)).isEqualTo(size);
            }
        }
    }

    @Property
    void anOrderedBlockHoldsTheSameExamplesAndFewMixedBatches(
            @ForAll long seed,
            @ForAll @IntRange(min = 0, max = 200) int count,
            @ForAll @IntRange(min = 1, max = 8) int batchSize,
            @ForAll @IntRange(min = 0, max = 7) int before) {
        List<ImageSize> sizes = Buckets.of(128, new BucketsConfig(16, 3.0)).sizes();
        Random random = new Random(seed);
        List<Accepted> block = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            var example = new org.rekindle.data.formats.Example("s", "k" + i, i, null, List.of(), null);
            block.add(new Accepted(example, sizes.get(random.nextInt(sizes.size()))));
        }
        ListSampler.shuffle(KeyedRandom.of(seed, "test"), block);
        int carried = before % batchSize;
        List<Accepted> ordered = BucketOrder.of(block, carried, batchSize, KeyedRandom.of(seed, "order"));
        assertThat(ordered).containsExactlyInAnyOrderElementsOf(block);
        assertThat(ordered).isEqualTo(BucketOrder.of(block, carried, batchSize, KeyedRandom.of(seed, "order")));

        int mixed = 0;
        for (int i = (batchSize - carried) % batchSize; i + batchSize <= count; i += batchSize) {
            mixed += ordered.subList(i, i + batchSize).stream()
                                    .map(Accepted::size)
                                    .distinct()
                                    .count()
                            > 1
                    ? 1
                    : 0;
        }
        assertThat(mixed).as("at most one a bucket").isLessThanOrEqualTo(sizes.size());
    }
}

package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.NotEmpty;

class ParameterShardsTest {

    @Property(tries = 300)
    void eachParameterHasOneOwnerAndNoRankHasMuchMoreThanTheMean(
            @ForAll @NotEmpty List<@LongRange(min = 1, max = 100_000) Long> sizes,
            @ForAll @IntRange(min = 1, max = 9) int worldSize) {
        ParameterShards shards = ParameterShards.of(sizes, 0, worldSize);

        assertThat(shards.owned()).hasSize(worldSize);
        assertThat(shards.owned().stream().flatMap(List::stream))
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, sizes.size()).boxed().toList());
        long total = sizes.stream().mapToLong(Long::longValue).sum();
        long largest = sizes.stream().mapToLong(Long::longValue).max().orElseThrow();
        for (int rank = 0; rank < worldSize; rank++) {
            long load = shards.owned().get(rank).stream().mapToLong(sizes::get).sum();
            assertThat(load).isLessThanOrEqualTo(total / worldSize + largest);
            for (int index : shards.owned().get(rank)) {
                assertThat(shards.owner(index)).isEqualTo(rank);
            }
        }
        assertThat(ParameterShards.of(sizes, worldSize - 1, worldSize).owned()).isEqualTo(shards.owned());
        assertThat(shards.parts(sizes).stream().flatMap(List::stream)).hasSameSizeAs(sizes);
    }
}

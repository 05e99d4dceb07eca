package org.rekindle.coordinator.membership;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LaneSharesTest {

    @ParameterizedTest
    @CsvSource({
        // lanes, workers, rounds, least, without one, as slow as
        "8, 8, 1, 1, 2, 4",
        "8, 3, 3, 2, 4, 2",
        "64, 8, 8, 8, 10, 7",
        "5, 4, 2, 1, 2, 3",
    })
    void aStepTakesAsManyRoundsAsTheWorkerWithMostLanesHas(
            int lanes, int workers, int rounds, int least, int withoutOne, int asSlowAs) {
        LaneShares shares = LaneShares.of(lanes, workers, null);

        assertThat(shares.rounds()).isEqualTo(rounds);
        assertThat(shares.least()).isEqualTo(least);
        assertThat(shares.roundsWithoutOne()).isEqualTo(withoutOne);
        assertThat(shares.asSlowAs()).isEqualTo(asSlowAs);
    }

    @ParameterizedTest
    @CsvSource({"8, 8, true", "16, 8, true", "64, 8, false", "1, 1, false", "5, 4, false"})
    void aLossIsDearWhereItLeavesMoreThanAFifthOfTheOthersIdle(int lanes, int workers, boolean dear) {
        assertThat(LaneShares.of(lanes, workers, null).isLossDear()).isEqualTo(dear);
    }

    @ParameterizedTest
    @CsvSource({"8, 8, 32, 32", "8, 8, 7, 56", "8, 8, 1, 0", "8, 8, 2, 0"})
    void moreLanesOfASmallerBatchAreAdvisedWhereTheyHelp(int lanes, int workers, int batch, int advised) {
        assertThat(LaneShares.of(lanes, workers, null).cheaper(batch)).isEqualTo(advised);
    }

    @ParameterizedTest
    @CsvSource({"4, 9, , 4", "9, 4, , 4", "9, 4, 2, 2"})
    void nobodyComputesWithoutALaneOrBeyondTheMost(int lanes, int workers, Integer max, int computing) {
        assertThat(LaneShares.of(lanes, workers, max).workers()).isEqualTo(computing);
    }

    @Property
    void whatIsAdvisedKeepsTheGlobalBatchAndMakesALossCheap(
            @ForAll @IntRange(min = 1, max = 40) int lanes,
            @ForAll @IntRange(min = 1, max = 40) int workers,
            @ForAll @IntRange(min = 1, max = 64) int batch) {
        LaneShares shares = LaneShares.of(lanes, workers, null);
        int advised = shares.cheaper(batch);

        if (advised > 0) {
            assertThat(lanes * batch % advised).isZero();
            assertThat(new LaneShares(advised, shares.workers()).isLossDear()).isFalse();
        }
    }
}

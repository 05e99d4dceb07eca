package org.rekindle.data.lanes;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class BottleneckTest {

    @Test
    void aTakerThatNeverWaitsIsTheLimit() {
        assertThat(Bottleneck.of(counts(9, 9, 0, 0.1))).isEqualTo(Bottleneck.TAKER);
        assertThat(Bottleneck.advice(counts(9, 9, 0, 0.1))).contains("the data keeps up");
    }

    @Test
    void theBusiestStageIsTheLimit() {
        assertThat(Bottleneck.of(counts(9, 4, 0, 9))).isEqualTo(Bottleneck.READ);
        assertThat(Bottleneck.of(counts(9, 4, 900, 9))).isEqualTo(Bottleneck.FILTER);
        assertThat(Bottleneck.of(counts(9, 19.9, 900, 9))).isEqualTo(Bottleneck.DECODE);
        assertThat(Bottleneck.of(counts(1, 2, 0, 9))).isEqualTo(Bottleneck.NONE);
        assertThat(Bottleneck.advice(counts(9, 4, 900, 9))).contains("shards reshard");
    }

    @Test
    void theTableTellsRatesAndWhatBecameOfExamples() {
        assertThat(Bottleneck.table(counts(5, 10, 40, 1)))
                .anySatisfy(line -> assertThat(line).matches("read +100.0 +0.2 +50%   3 examples"))
                .anySatisfy(line -> assertThat(line).matches("decode +96.0 +0.2 +50%   2 images"))
                .last()
                .isEqualTo("1000 examples, 40 rejected by score<=5");
    }

    @Test
    void lanesOfAWorkerShareItsDecoders() {
        StageCounts two = counts(9, 4, 0, 9).plus(counts(9, 4, 0, 9)).decodedBy(2);
        assertThat(two.seconds()).isEqualTo(10);
        assertThat(two.read().busy(two.seconds())).isEqualTo(0.9);
        assertThat(two.decode().busy(two.seconds())).isEqualTo(0.4);
    }

    /** Of ten seconds of one lane with two threads that decode. */
    private static StageCounts counts(double read, double decode, long rejected, double wait) {
        return new StageCounts(
                new StageCounts.Stage(1000, 2_000_000, read, 3, 1),
                new StageCounts.Stage(960, 2_000_000, decode, 2, 2),
                new StageCounts.Stage(60, 9_000_000, 0.5, 1, 1),
                new StageCounts.Losses(0, 0, rejected == 0 ? Map.of() : Map.of("score<=5", rejected), 0, 0),
                wait,
                10);
    }
}

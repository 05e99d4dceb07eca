package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.rekindle.worker.models.SegmentWork;
import org.rekindle.worker.models.Work;
import org.rekindle.worker.torchscript.ComputeType;

class FittingRecomputationTest {

    private static final int MEGA = 1_000_000;
    private static final Set<String> ALL = Set.of("segment_in", "segment_mid", "segment_out");

    /** Of passes of 1320 MB, of 880 MB where the first segment is run again, of 560 MB where all are. */
    private static final SegmentMemory PASSES = new SegmentMemory(
            new ActivationMemory(1, ComputeType.FP32),
            List.of("segment_in", "segment_mid", "segment_out"),
            List.of(segment(110), segment(100), segment(90)));

    private static SegmentWork segment(long saved) {
        return new SegmentWork(new Work(saved, saved * MEGA, (saved + 30) * MEGA, 10 * MEGA), 0, 0, 0);
    }

    private final List<String> told = new ArrayList<>();

    private FittingRecomputation on(long available, long firstLane) {
        DeviceMemory device = new DeviceMemory() {
            @Override
            public long available() {
                return available * MEGA;
            }

            @Override
            public LongSupplier growth() {
                return () -> firstLane * MEGA;
            }
        };
        FittingRecomputation recomputation = new FittingRecomputation(PASSES, device, told::add);
        recomputation.ready();
        return recomputation;
    }

    @Test
    void nothingIsRunAgainWhereAllFits() {
        FittingRecomputation recomputation = on(2000, 1320);
        recomputation.passed();

        assertThat(recomputation.segments()).isEmpty();
        assertThat(told)
                .containsExactly("model.gradient_checkpointing auto: no segment is run again;"
                        + " predicted are 1.32 GB a lane, 2.00 GB are there");
    }

    @Test
    void aTenthOfTheMemoryIsLeftFree() {
        assertThat(on(1400, 0).segments()).hasSize(1);
        assertThat(told).hasSize(1).first().asString().contains("1 of 3 segments are run again (mid)");
    }

    @Test
    void aFirstLaneThatTookMoreMakesItRunMoreAgain() {
        FittingRecomputation recomputation = on(1500, 2000);
        assertThat(recomputation.segments()).isEmpty();

        recomputation.passed();

        assertThat(recomputation.segments()).hasSize(1);
        assertThat(told)
                .hasSize(2)
                .last()
                .asString()
                .isEqualTo("model.gradient_checkpointing auto: the first lane took 2.00 GB, predicted were 1.32 GB;"
                        + " from now on 1 of 3 segments are run again (in)");
        recomputation.passed();
        assertThat(told).as("only the first lane counts").hasSize(2);
    }

    @Test
    void aFirstLaneThatTookLessMakesItRunLessAgain() {
        FittingRecomputation recomputation = on(1000, 400);
        assertThat(recomputation.segments()).isNotEmpty();

        recomputation.passed();

        assertThat(recomputation.segments()).isEmpty();
    }

    @Test
    void nothingChangesWhereNobodyKnowsWhatWasTaken() {
        FittingRecomputation recomputation = on(1000, 0);
        Set<String> before = recomputation.segments();

        recomputation.passed();

        assertThat(recomputation.segments()).isEqualTo(before);
    }

    @Test
    void allIsRunAgainAndTheUserWarnedWhereNothingFits() {
        assertThat(on(100, 0).segments()).isEqualTo(ALL);
        assertThat(told.get(0))
                .contains(
                        "3 of 3 segments are run again; predicted are 560 MB a lane, 100 MB are there, so it may run out");
    }
}

package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;
import org.rekindle.worker.models.SegmentWork;
import org.rekindle.worker.models.Work;
import org.rekindle.worker.torchscript.ComputeType;

class SegmentMemoryTest {

    private static final ActivationMemory FP32 = new ActivationMemory(1, ComputeType.FP32);

    @Provide
    Arbitrary<SegmentMemory> models() {
        Arbitrary<Long> elements = Arbitraries.longs().between(1, 1000);
        return Combinators.combine(elements, elements, elements, elements)
                .as((macs, saved, beside, state) ->
                        new SegmentWork(new Work(macs, saved, saved + beside, beside), state, beside, saved))
                .list()
                .ofMinSize(1)
                .ofMaxSize(6)
                .map(work -> new SegmentMemory(FP32, names(work.size()), work));
    }

    private static List<String> names(int segments) {
        return IntStream.range(0, segments).mapToObj(i -> "segment_" + i).toList();
    }

    @Property
    void runningNothingOrAllAgainTakesWhatAPlainOrACheckpointedPassTakes(@ForAll("models") SegmentMemory model) {
        Work whole =
                model.work().stream().map(SegmentWork::work).reduce(Work::plus).orElseThrow();

        assertThat(model.of(Set.of())).isEqualTo(FP32.plain(whole));
        assertThat(model.of(Set.copyOf(model.names()))).isEqualTo(FP32.checkpointed(model.work()));
    }

    @Property
    void noSmallerChoiceFitsAndNoEquallySmallOneIsLessWork(
            @ForAll("models") SegmentMemory model, @ForAll @LongRange(min = 0, max = 40_000) long bytes) {
        List<Set<String>> fitting = new ArrayList<>(choices(model.names()));
        fitting.removeIf(choice -> model.of(choice) > bytes);

        Set<String> best = model.fewest(bytes);

        if (fitting.isEmpty()) {
            assertThat(best).containsExactlyElementsOf(model.names());
            return;
        }
        Comparator<Set<String>> order =
                Comparator.<Set<String>>comparingInt(Set::size).thenComparingLong(choice -> macs(model, choice));
        assertThat(model.of(best)).isLessThanOrEqualTo(bytes);
        assertThat(fitting)
                .allSatisfy(choice -> assertThat(order.compare(best, choice)).isNotPositive());
    }

    @Test
    void theGradientsOfASegmentNeedWhatTheRecordedOnesBeforeItKeep() {
        SegmentMemory model = new SegmentMemory(
                FP32,
                names(2),
                List.of(
                        new SegmentWork(new Work(1, 100, 130, 10), 7, 2, 0),
                        new SegmentWork(new Work(1, 50, 80, 10), 5, 1, 4)));

        assertThat(model.of(Set.of("segment_0"))).isEqualTo(4 * (7 + 2 + 130));
        assertThat(model.of(Set.of("segment_1"))).isEqualTo(4 * (7 + 5 + 1 + 2 * 4 + 100 + 80));
    }

    private static List<Set<String>> choices(List<String> names) {
        List<Set<String>> choices = new ArrayList<>(List.of(Set.of()));
        for (String name : names) {
            for (Set<String> without : List.copyOf(choices)) {
                Set<String> with = new LinkedHashSet<>(without);
                with.add(name);
                choices.add(with);
            }
        }
        return choices;
    }

    private static long macs(SegmentMemory model, Set<String> choice) {
        return choice.stream()
                .mapToLong(name ->
                        model.work().get(model.names().indexOf(name)).work().macs())
                .sum();
    }
}

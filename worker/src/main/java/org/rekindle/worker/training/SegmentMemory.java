package org.rekindle.worker.training;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.rekindle.worker.models.SegmentWork;
import org.rekindle.worker.models.Work;

/**
 * Bytes of activations of passes that run some of the segments again, and which those should be: an estimate, as is
 * {@link ActivationMemory}.
 *
 * @param names of the segments, in their order
 * @param work of each
 */
record SegmentMemory(ActivationMemory activations, List<String> names, List<SegmentWork> work) {

    private static final Work NOTHING = new Work(0, 0, 0, 0);

    /**
     * At the peak of a pass. While the gradients of a segment are computed there are the states between segments, what it keeps itself,
     * recorded or run again, and what the recorded ones before it keep; those behind it have gone.
     *
     * @param recomputed names of the segments that are run again
     */
    long of(Set<String> recomputed) {
        if (recomputed.isEmpty()) {
            return activations.plain(
                    work.stream().map(SegmentWork::work).reduce(Work::plus).orElseThrow());
        }
        List<SegmentWork> states = new ArrayList<>();
        long before = 0;
        long most = 0;
        for (int i = 0; i < names.size(); i++) {
            SegmentWork segment = work.get(i);
            states.add(segment);
            most = Math.max(most, before + activations.checkpointed(states));
            states.set(i, new SegmentWork(NOTHING, segment.state(), 0, 0));
            if (!recomputed.contains(names.get(i))) {
                before += kept(segment);
            }
        }
        return most;
    }

    private long kept(SegmentWork segment) {
        long saved = segment.work().saved();
        return activations.plain(new Work(0, saved, saved, 0));
    }

    /**
     * The fewest segments that have to be run again so that a pass takes no more than so many bytes; among equally few those that are
     * the least work. All of them where no choice is small enough.
     */
    Set<String> fewest(long bytes) {
        return LongStream.range(0, 1L << names.size())
                .boxed()
                .sorted(Comparator.<Long>comparingInt(Long::bitCount).thenComparingLong(this::macs))
                .map(this::chosen)
                .filter(recomputed -> of(recomputed) <= bytes)
                .findFirst()
                .orElseGet(() -> new LinkedHashSet<>(names));
    }

    private long macs(long choice) {
        return IntStream.range(0, work.size())
                .filter(i -> (choice >> i & 1) == 1)
                .mapToLong(i -> work.get(i).work().macs())
                .sum();
    }

    private Set<String> chosen(long choice) {
        Set<String> chosen = new LinkedHashSet<>();
        IntStream.range(0, names.size()).filter(i -> (choice >> i & 1) == 1).forEach(i -> chosen.add(names.get(i)));
        return chosen;
    }
}

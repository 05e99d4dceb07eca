package org.rekindle.coordinator.monitoring;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.rekindle.coordinator.protocol.StepStages;

/**
 * Which workers of a generation hold the others up, and in which stage: those whose own time of a step, in the median of the last ones, is
 * half as long again as the median of all. Time in the collective is no sign: who is fast waits there for who is slow.
 *
 * <p>Threads: one at a time.
 */
final class Stragglers {

    private static final int WINDOW = 20;
    private static final double SLOW = 1.5;

    private final List<Deque<StepStages>> windows = new ArrayList<>(); // by rank
    private long generation = -1;

    /** Seconds a step, each a median of the last ones. */
    record Pace(double dataWait, double compute, double reduce) {}

    /** Counts a step in. Ranks of another generation are other workers. */
    void add(long ofGeneration, List<StepStages> stages) {
        if (ofGeneration != generation) {
            generation = ofGeneration;
            windows.clear();
            stages.forEach(rank -> windows.add(new ArrayDeque<>()));
        }
        for (int rank = 0; rank < stages.size(); rank++) {
            Deque<StepStages> window = windows.get(rank);
            window.addLast(stages.get(rank));
            if (window.size() > WINDOW) {
                window.removeFirst();
            }
        }
    }

    /** Empty for a rank of which nothing is known yet. */
    Optional<Pace> pace(int rank) {
        return rank < 0 || rank >= windows.size() || windows.get(rank).isEmpty()
                ? Optional.empty()
                : Optional.of(new Pace(
                        median(rank, StepStages::dataWait),
                        median(rank, StepStages::compute),
                        median(rank, StepStages::reduce)));
    }

    /** The stage, {@code data} or {@code compute}, in which a rank holds the others up; empty for one that does not, and in the first steps. */
    String slowStage(int rank) {
        if (rank < 0
                || rank >= windows.size()
                || windows.size() < 2
                || windows.get(rank).size() < WINDOW) {
            return "";
        }
        double typical = medianOfRanks(stages -> stages.dataWait() + stages.compute());
        if (median(rank, stages -> stages.dataWait() + stages.compute()) <= SLOW * typical) {
            return "";
        }
        double data = median(rank, StepStages::dataWait) - medianOfRanks(StepStages::dataWait);
        double compute = median(rank, StepStages::compute) - medianOfRanks(StepStages::compute);
        return data > compute ? "data" : "compute";
    }

    /** The lower one of two: of two workers the faster one is what is typical. */
    private double medianOfRanks(ToDoubleFunction<StepStages> stage) {
        List<Double> sorted = new ArrayList<>();
        for (int rank = 0; rank < windows.size(); rank++) {
            sorted.add(median(rank, stage));
        }
        sorted.sort(null);
        return sorted.get((sorted.size() - 1) / 2);
    }

    private double median(int rank, ToDoubleFunction<StepStages> stage) {
        double[] sorted = windows.get(rank).stream().mapToDouble(stage).sorted().toArray();
        return sorted[(sorted.length - 1) / 2];
    }
}

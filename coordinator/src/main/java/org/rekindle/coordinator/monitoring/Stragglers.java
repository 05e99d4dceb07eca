package org.rekindle.coordinator.monitoring;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.rekindle.coordinator.protocol.StepStages;

/**
 * Which workers of a generation hold the others up, and in which stage: those whose own time of a lane's batch, in the median of the last
 * steps, is half as long again as the median of all, until it is less than a quarter longer. Time in the collective is no sign: who is fast
 * waits there for who is slow.
 *
 * <p>Threads: one at a time.
 */
final class Stragglers {

    private static final int WINDOW = 20;
    private static final double SLOW = 1.5;
    private static final double KEEPS_UP = 1.25;

    private final List<Rank> ranks = new ArrayList<>();
    private long generation = -1;
    private long steps; // of the generation

    /** Seconds a step, each a median of the last ones. */
    record Pace(double dataWait, double compute, double reduce) {}

    private static final class Rank {
        final int lanes;
        final Deque<StepStages> window = new ArrayDeque<>();
        String slow = ""; // the stage

        Rank(int lanes) {
            this.lanes = lanes;
        }

        void add(StepStages stages) {
            window.addLast(stages);
            if (window.size() > WINDOW) {
                window.removeFirst();
            }
        }

        double median(ToDoubleFunction<StepStages> stage) {
            double[] sorted = window.stream().mapToDouble(stage).sorted().toArray();
            return sorted[(sorted.length - 1) / 2];
        }

        double perLane(ToDoubleFunction<StepStages> stage) {
            return median(stage) / lanes;
        }
    }

    /**
     * Counts a step in; every so many are looked at together. Ranks of another generation are other workers.
     *
     * @param stages by rank
     * @param lanes how many each computed, by rank
     */
    void add(long ofGeneration, List<StepStages> stages, List<Integer> lanes) {
        if (ofGeneration != generation) {
            generation = ofGeneration;
            steps = 0;
            ranks.clear();
            lanes.forEach(count -> ranks.add(new Rank(count)));
        }
        for (int rank = 0; rank < stages.size(); rank++) {
            ranks.get(rank).add(stages.get(rank));
        }
        if (ranks.size() > 1 && ++steps % WINDOW == 0) {
            look();
        }
    }

    private void look() {
        double own = medianOfRanks(Stragglers::own);
        double dataWait = medianOfRanks(StepStages::dataWait);
        double compute = medianOfRanks(StepStages::compute);
        for (Rank rank : ranks) {
            boolean isSlow = rank.perLane(Stragglers::own) > (rank.slow.isEmpty() ? SLOW : KEEPS_UP) * own;
            boolean byData =
                    rank.perLane(StepStages::dataWait) - dataWait > rank.perLane(StepStages::compute) - compute;
            rank.slow = !isSlow ? "" : byData ? "data" : "compute";
        }
    }

    private static double own(StepStages stages) {
        return stages.dataWait() + stages.compute();
    }

    /** Empty for a rank of which nothing is known yet. */
    Optional<Pace> pace(int rank) {
        return rank < 0 || rank >= ranks.size()
                ? Optional.empty()
                : Optional.of(new Pace(
                        ranks.get(rank).median(StepStages::dataWait),
                        ranks.get(rank).median(StepStages::compute),
                        ranks.get(rank).median(StepStages::reduce)));
    }

    /** The stage, {@code data} or {@code compute}, in which a rank holds the others up; empty for one that does not, and in the first steps. */
    String slowStage(int rank) {
        return rank < 0 || rank >= ranks.size() ? "" : ranks.get(rank).slow;
    }

    /** The lower one of two: of two workers the faster one is what is typical. */
    private double medianOfRanks(ToDoubleFunction<StepStages> stage) {
        double[] sorted =
                ranks.stream().mapToDouble(rank -> rank.perLane(stage)).sorted().toArray();
        return sorted[(sorted.length - 1) / 2];
    }
}

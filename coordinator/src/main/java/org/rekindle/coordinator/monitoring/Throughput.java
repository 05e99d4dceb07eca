package org.rekindle.coordinator.monitoring;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/** The pace of a run over a sliding window of recent steps, so that a slow start or a pause does not weigh on the figure for hours. */
final class Throughput {

    private static final int WINDOW = 20;

    private record Mark(long nanos, long step, long examplesSeen) {}

    private final Deque<Mark> marks = new ArrayDeque<>();

    /** Forgets everything and measures from here on. */
    void start(long nanos, long step, long examplesSeen) {
        marks.clear();
        marks.add(new Mark(nanos, step, examplesSeen));
    }

    /**
     * Counts a step in.
     *
     * @param nanos when it was committed, in nanoseconds of any clock that does not go back
     * @param step the step
     * @param examplesSeen examples of the run up to and with it
     */
    void add(long nanos, long step, long examplesSeen) {
        marks.addLast(new Mark(nanos, step, examplesSeen));
        if (marks.size() > WINDOW + 1) {
            marks.removeFirst();
        }
    }

    /** Images per second over the last 20 steps; NaN while no time has passed. */
    double imagesPerSecond() {
        long images = marks.getLast().examplesSeen() - marks.getFirst().examplesSeen();
        return nanos() <= 0 ? Double.NaN : images * 1e9 / nanos();
    }

    /** Seconds from step to step over the last 20; NaN while no step has been counted. */
    double stepSeconds() {
        long steps = marks.getLast().step() - marks.getFirst().step();
        return steps <= 0 ? Double.NaN : nanos() / 1e9 / steps;
    }

    /**
     * How long the run still takes at this pace; empty while no step has been counted.
     *
     * @param totalSteps steps of the whole run
     */
    Optional<Duration> timeLeft(long totalSteps) {
        long steps = marks.getLast().step() - marks.getFirst().step();
        long left = totalSteps - marks.getLast().step();
        return steps <= 0 ? Optional.empty() : Optional.of(Duration.ofNanos((long) ((double) nanos() / steps * left)));
    }

    private long nanos() {
        return marks.getLast().nanos() - marks.getFirst().nanos();
    }
}

package org.rekindle.coordinator.monitoring;

import java.util.ArrayDeque;
import java.util.Deque;

/** Images per second over a sliding window of recent steps, so that a slow start or a pause does not weigh on the figure for hours. */
final class Throughput {

    private static final int WINDOW = 20;

    private record Mark(long nanos, long examplesSeen) {}

    private final Deque<Mark> marks = new ArrayDeque<>();

    /** Forgets everything and measures from here on. */
    void start(long nanos, long examplesSeen) {
        marks.clear();
        marks.add(new Mark(nanos, examplesSeen));
    }

    /**
     * Counts a step in.
     *
     * @param nanos when it was committed, in nanoseconds of any clock that does not go back
     * @param examplesSeen examples of the run up to and with it
     * @return images per second over the last 20 steps; NaN while no time has passed
     */
    double imagesPerSecond(long nanos, long examplesSeen) {
        marks.addLast(new Mark(nanos, examplesSeen));
        if (marks.size() > WINDOW + 1) {
            marks.removeFirst();
        }
        Mark first = marks.getFirst();
        long elapsed = nanos - first.nanos();
        return elapsed <= 0 ? Double.NaN : (examplesSeen - first.examplesSeen()) * 1e9 / elapsed;
    }
}

package org.rekindle.worker.collectives;

import java.util.ArrayList;
import java.util.List;

/**
 * Which ranges of the vector a rank receives from its predecessor and sends to its successor, one after the other. What it sends
 * beyond the first {@code head} bytes is what it has received, in the same order, so each piece may go on as soon as it is there.
 *
 * @param head bytes that may be sent before any is received
 */
record RingPlan(List<Run> incoming, List<Run> outgoing, long head) {

    /**
     * A range of the vector.
     *
     * @param add whether received values are added to those that are there, instead of replacing them
     */
    record Run(long offset, long bytes, boolean add) {}

    /**
     * Ring all-reduce (Patarasuk and Yuan 2009): the vector is cut in as many segments as there are ranks. In steps 0 to W - 2 rank r
     * sends segment r - k and adds what it has of segment r - k - 1 to what comes; in W - 1 more steps the whole sums go round. So
     * segment s is summed from the left in the order of the ranks s, s + 1, ... s + W - 1 (modulo W), whatever the timing.
     */
    static RingPlan allReduce(int rank, int worldSize, long floats) {
        long[] starts = equalParts(worldSize, floats);
        List<Run> incoming = new ArrayList<>();
        List<Run> outgoing = new ArrayList<>();
        for (int step = 0; step <= 2 * worldSize - 3; step++) {
            addSegment(outgoing, rank - step, starts, false);
            addSegment(incoming, rank - step - 1, starts, step <= worldSize - 2);
        }
        return new RingPlan(incoming, outgoing, starts[rank + 1] - starts[rank]);
    }

    /**
     * The first half of {@link #allReduce}, one rank further on: in the end rank r has the sum of segment r, summed in the order of the
     * ranks r + 1, ... r + W (modulo W).
     *
     * @param starts where the segments begin, in bytes, and where the last one ends
     */
    static RingPlan reduceScatter(int rank, long[] starts) {
        int worldSize = starts.length - 1;
        List<Run> incoming = new ArrayList<>();
        List<Run> outgoing = new ArrayList<>();
        for (int step = 0; step <= worldSize - 2; step++) {
            addSegment(outgoing, rank - step - 1, starts, false);
            addSegment(incoming, rank - step - 2, starts, true);
        }
        int first = Math.floorMod(rank - 1, worldSize);
        return new RingPlan(incoming, outgoing, starts[first + 1] - starts[first]);
    }

    /** The second half: segment r goes from rank r to all others. */
    static RingPlan allGather(int rank, long[] starts) {
        int worldSize = starts.length - 1;
        List<Run> incoming = new ArrayList<>();
        List<Run> outgoing = new ArrayList<>();
        for (int step = 0; step <= worldSize - 2; step++) {
            addSegment(outgoing, rank - step, starts, false);
            addSegment(incoming, rank - step - 1, starts, false);
        }
        return new RingPlan(incoming, outgoing, starts[rank + 1] - starts[rank]);
    }

    /** From {@code root} all round the ring, as far as the root's predecessor. */
    static RingPlan broadcast(int rank, int worldSize, int root, long bytes) {
        List<Run> whole = bytes == 0 ? List.of() : List.of(new Run(0, bytes, false));
        List<Run> incoming = rank == root ? List.of() : whole;
        List<Run> outgoing = (rank + 1) % worldSize == root ? List.of() : whole;
        return new RingPlan(incoming, outgoing, rank == root ? bytes : 0);
    }

    private static void addSegment(List<Run> runs, int number, long[] starts, boolean add) {
        int segment = Math.floorMod(number, starts.length - 1);
        long start = starts[segment];
        long end = starts[segment + 1];
        if (end > start) {
            runs.add(new Run(start, end - start, add));
        }
    }

    /** In bytes. */
    private static long[] equalParts(int parts, long floats) {
        long[] starts = new long[parts + 1];
        for (int part = 0; part <= parts; part++) {
            starts[part] = floats / parts * part * Float.BYTES + Math.min(part, floats % parts) * Float.BYTES;
        }
        return starts;
    }
}

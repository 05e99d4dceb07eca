package org.rekindle.coordinator.ledger;

import java.util.ArrayList;
import java.util.List;

/** Growing numbers of steps, told as ranges; only the first few are kept. */
final class StepRanges {

    private static final int MAX_NAMED = 20;

    private final List<long[]> ranges = new ArrayList<>(); // first and last
    private long count;
    private long last = Long.MIN_VALUE;
    private boolean more;

    void add(long step) {
        count++;
        if (step == last + 1 && !more) {
            ranges.get(ranges.size() - 1)[1] = step;
        } else if (ranges.size() < MAX_NAMED) {
            ranges.add(new long[] {step, step});
        } else {
            more = true;
        }
        last = step;
    }

    /** Such as {@code 11: steps 3, 10 to 19}. */
    String describe() {
        if (count == 0) {
            return "none";
        }
        List<String> named = ranges.stream()
                .map(range -> range[0] == range[1] ? Long.toString(range[0]) : range[0] + " to " + range[1])
                .toList();
        return count + ": " + (count == 1 ? "step " : "steps ") + String.join(", ", named) + (more ? " ..." : "");
    }
}

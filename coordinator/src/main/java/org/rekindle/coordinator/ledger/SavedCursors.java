package org.rekindle.coordinator.ledger;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.rekindle.data.lanes.LaneCursor;

/** Where checkpoints say that each lane goes on, held against a ledger as it is read. */
final class SavedCursors {

    private final Map<Long, Map<Integer, LaneCursor>> checkpoints;
    private final Map<Long, String> differences = new HashMap<>(); // null where no line was of that step

    /** @param checkpoints by step */
    SavedCursors(Map<Long, Map<Integer, LaneCursor>> checkpoints) {
        this.checkpoints = checkpoints;
        checkpoints.keySet().forEach(step -> differences.put(step, null));
    }

    /**
     * Compares the checkpoint of a step, if there is one. It may stand before or behind what a rollback to it leaves out: being right once
     * is enough.
     *
     * @param at where the lanes stand in the ledger
     */
    void compare(long step, Map<Integer, LaneCursor> at) {
        if (differences.containsKey(step)) {
            Map<Integer, LaneCursor> saved = checkpoints.get(step);
            if (saved.equals(at)) {
                differences.remove(step);
            } else {
                differences.putIfAbsent(step, difference(step, saved, at));
            }
        }
    }

    private static String difference(long step, Map<Integer, LaneCursor> saved, Map<Integer, LaneCursor> at) {
        for (Map.Entry<Integer, LaneCursor> lane : at.entrySet()) {
            LaneCursor cursor = saved.get(lane.getKey());
            if (cursor != null && !cursor.equals(lane.getValue())) {
                return "its lane %d goes on at %s, after step %d of the ledger at %s"
                        .formatted(
                                lane.getKey(),
                                cursor.describe(),
                                step,
                                lane.getValue().describe());
            }
        }
        return "it has the cursors of %d lanes, the ledger those of %d".formatted(saved.size(), at.size());
    }

    /**
     * What does not let a checkpoint follow from the ledger; empty where it does.
     *
     * @param last the ledger's last step
     */
    Optional<String> difference(long checkpoint, long last) {
        if (!differences.containsKey(checkpoint)) {
            return Optional.empty();
        }
        String found = differences.get(checkpoint);
        if (found != null) {
            return Optional.of(found);
        }
        return Optional.of(
                checkpoint > last ? "the ledger ends at step " + last : "the ledger has no line of step " + checkpoint);
    }
}

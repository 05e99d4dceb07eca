package org.rekindle.coordinator.steps;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import org.rekindle.coordinator.protocol.CoordinatorCommand.Enter;
import org.rekindle.coordinator.protocol.EnterAnswer;

/** Who may take part in a run: those whose numbers would be the same. */
final class Entrance {

    private static final int MAX_DIFFERENCES = 3;

    private Entrance() {}

    /**
     * @param identity what the numbers of the run depend on, by dotted key
     * @param checkpoint folder that a node starts from
     */
    static EnterAnswer answer(Enter enter, Map<String, String> identity, String checkpoint) {
        if (enter.protocol() != EnterAnswer.PROTOCOL) {
            return new EnterAnswer.Refused(
                    "node %d speaks protocol %d and the run %d: start all nodes with the same version of Rekindle"
                            .formatted(enter.node(), enter.protocol(), EnterAnswer.PROTOCOL));
        }
        List<String> differences = differences(enter.configuration(), identity);
        if (differences.isEmpty()) {
            return new EnterAnswer.Welcome(checkpoint);
        }
        int more = differences.size() - MAX_DIFFERENCES;
        return new EnterAnswer.Refused("node " + enter.node() + " has another configuration than the run: "
                + String.join(", ", differences.subList(0, Math.min(MAX_DIFFERENCES, differences.size())))
                + (more > 0 ? " and " + more + " more" : "")
                + "; start all nodes with the same YAML and settings");
    }

    private static List<String> differences(Map<String, String> theirs, Map<String, String> ours) {
        TreeSet<String> keys = new TreeSet<>(ours.keySet());
        keys.addAll(theirs.keySet());
        List<String> differences = new ArrayList<>();
        for (String key : keys) {
            if (!Objects.equals(theirs.get(key), ours.get(key))) {
                differences.add(key + " is " + theirs.getOrDefault(key, "absent") + ", in the run "
                        + ours.getOrDefault(key, "absent"));
            }
        }
        return differences;
    }
}

package org.rekindle.coordinator.ledger;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import org.rekindle.data.lanes.LaneCursor;

/**
 * One committed step: a line of {@code ledger.jsonl}.
 *
 * @param step the optimizer step, from 1
 * @param generation the generation of workers that committed it
 * @param lanes the range of examples that each lane gave, by lane
 * @param skipped whether its gradients were not finite and no weight changed; its examples count as seen
 */
public record LedgerEntry(
        long step,
        long generation,
        Map<Integer, Range> lanes,
        @JsonInclude(JsonInclude.Include.NON_DEFAULT) boolean skipped)
        implements LedgerLine {

    public LedgerEntry {
        lanes = Collections.unmodifiableMap(new TreeMap<>(lanes));
    }

    /**
     * Examples between two places of a lane, written as a pair {@code [before, after]}.
     *
     * @param before where the lane stood before the step
     * @param after where it stands after it
     */
    @JsonFormat(shape = JsonFormat.Shape.ARRAY)
    @JsonPropertyOrder({"before", "after"})
    public record Range(LaneCursor before, LaneCursor after) {}
}

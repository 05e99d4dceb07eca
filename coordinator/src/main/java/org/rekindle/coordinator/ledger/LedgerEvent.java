package org.rekindle.coordinator.ledger;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;

/**
 * What else happened to a run: a line of {@code ledger.jsonl} between those of the steps.
 *
 * @param step the newest committed step when it happened
 * @param generation the generation that follows
 * @param event {@link #GENERATION}, {@link #ROLLBACK} or {@link #COORDINATOR}
 * @param workers nodes of the new generation's workers, in the order of their ranks
 * @param reason why, in a few words
 * @param from the newest committed step when the run went back, whose line was removed
 * @param lanes examples that are left out from here on, by lane; null where none are
 * @param node where the coordinator is now
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record LedgerEvent(
        long step,
        long generation,
        String event,
        List<Integer> workers,
        String reason,
        Long from,
        Map<Integer, LedgerEntry.Range> lanes,
        Integer node)
        implements LedgerLine {

    public static final String GENERATION = "generation";
    public static final String ROLLBACK = "rollback";
    public static final String COORDINATOR = "coordinator";

    /** A generation formed. */
    public static LedgerEvent generation(long step, long generation, List<Integer> workers, String reason) {
        return new LedgerEvent(step, generation, GENERATION, workers, reason, null, null, null);
    }

    /**
     * The run went back to a checkpoint; the ledger's lines after it were removed.
     *
     * @param lanes examples that are left out; null for none: they are trained on again
     */
    public static LedgerEvent rollback(
            long step, long generation, long from, Map<Integer, LedgerEntry.Range> lanes, String reason) {
        return new LedgerEvent(step, generation, ROLLBACK, null, reason, from, lanes, null);
    }

    /** Another node took the coordinator over. */
    public static LedgerEvent coordinator(long step, long generation, int node) {
        return new LedgerEvent(step, generation, COORDINATOR, null, null, null, null, node);
    }
}

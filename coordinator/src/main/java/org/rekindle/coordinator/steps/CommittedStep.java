package org.rekindle.coordinator.steps;

import java.util.List;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.protocol.StageSeconds;

/**
 * A step that all ranks of its generation have agreed on.
 *
 * @param entry its line of the ledger
 * @param loss mean loss over the lanes
 * @param gradientNorm L2 norm of the reduced gradients before clipping
 * @param seconds where the time went, by rank
 */
public record CommittedStep(LedgerEntry entry, double loss, double gradientNorm, List<StageSeconds> seconds) {

    public CommittedStep {
        seconds = List.copyOf(seconds);
    }
}

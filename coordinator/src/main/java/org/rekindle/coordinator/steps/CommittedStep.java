package org.rekindle.coordinator.steps;

import java.util.List;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.protocol.StepStages;
import org.rekindle.data.lanes.StageCounts;

/**
 * A step that all ranks of its generation have agreed on.
 *
 * @param entry its line of the ledger
 * @param loss mean loss over the lanes
 * @param gradientNorm L2 norm of the reduced gradients before clipping
 * @param stages where the time went, by rank
 * @param lanes how many lanes each computed, by rank
 */
public record CommittedStep(
        LedgerEntry entry, double loss, double gradientNorm, List<StepStages> stages, List<Integer> lanes) {

    public CommittedStep {
        stages = List.copyOf(stages);
    }

    /** What the lanes of all ranks have done since they were opened. */
    StageCounts data() {
        return stages.stream().map(StepStages::data).reduce(StageCounts.NONE, StageCounts::plus);
    }
}

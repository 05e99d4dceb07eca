package org.rekindle.coordinator.steps;

import java.util.List;
import java.util.stream.Collectors;
import org.rekindle.coordinator.ledger.LedgerEntry;

/** Words for a run that ends because too many steps in a row were skipped. */
final class SkippedSteps {

    private SkippedSteps() {}

    /** One line that names the examples, lane by lane. */
    static String describe(List<LedgerEntry> skipped) {
        LedgerEntry first = skipped.get(0);
        LedgerEntry last = skipped.get(skipped.size() - 1);
        String ranges = first.lanes().keySet().stream()
                .sorted()
                .map(lane -> "lane %d from %s to %s"
                        .formatted(
                                lane,
                                first.lanes().get(lane).before().describe(),
                                last.lanes().get(lane).after().describe()))
                .collect(Collectors.joining(", "));
        return "loss or gradients were not finite in %d steps in a row, %d to %d, with the examples of %s; "
                        .formatted(skipped.size(), first.step(), last.step(), ranges)
                + "lower optimizer.params.learning_rate, or take those examples out, and start again from the newest checkpoint";
    }
}

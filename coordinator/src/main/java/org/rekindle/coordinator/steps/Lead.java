package org.rekindle.coordinator.steps;

import java.util.List;
import java.util.Map;
import java.util.function.LongToDoubleFunction;
import java.util.function.Supplier;
import org.rekindle.coordinator.checkpoints.Checkpoints;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.monitoring.StepListener;

/**
 * What the node that leads a run holds of it.
 *
 * @param node rank of the node
 * @param identity what the run's numbers depend on; who has another identity does not take part
 * @param ledger opens the ledger; called once
 * @param reporting who hears of the steps
 * @param nodes where others find the run
 * @param release lets go of the run folder, when the coordinator stops
 */
public record Lead(
        int node,
        RunPlan plan,
        Map<String, String> identity,
        Supplier<Ledger> ledger,
        Checkpoints checkpoints,
        Reporting reporting,
        Nodes nodes,
        Runnable release) {

    /** Hosts and ports of some of a run's nodes, kept where all can read them. */
    public interface Nodes {

        /** Nobody is to find the run. */
        Nodes NONE = new Nodes() {
            @Override
            public void keep(List<String> addresses) {
                // nowhere
            }

            @Override
            public List<String> living() {
                return List.of();
            }
        };

        /** @param addresses none when the run has ended */
        void keep(List<String> addresses);

        /** Those kept last which somebody listens at. */
        List<String> living();
    }

    /**
     * How committed steps are told to the listeners.
     *
     * @param batchSize examples per lane and step
     * @param learningRate learning rate by optimizer step
     * @param saveSeconds what a checkpoint of this run took before; NaN where nobody knows
     * @param listeners called from the coordinator, one call at a time
     */
    public record Reporting(
            int batchSize, LongToDoubleFunction learningRate, double saveSeconds, List<StepListener> listeners) {}

    /** Examples of the run up to and with a step. */
    long examples(long step) {
        return step * plan.lanes() * reporting.batchSize();
    }
}

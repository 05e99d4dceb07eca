package org.rekindle.coordinator.steps;

import org.rekindle.coordinator.ledger.LedgerEvent;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.protocol.WorkerCommand;

/**
 * What {@link StepProtocol} wants done, in this order, by whoever drives it.
 *
 * @param <W> what identifies a worker
 */
public sealed interface Effect<W> {

    /** Send {@code message} to {@code worker}. */
    record Tell<W>(W worker, WorkerCommand message) implements Effect<W> {}

    /**
     * Append the step to the ledger. Where that fails, none of the effects behind it may happen: nobody applies a step that the ledger
     * does not have.
     *
     * @param durable whether a checkpoint of this step follows, which must not outlive the ledger's line
     */
    record Append<W>(CommittedStep step, boolean durable) implements Effect<W> {}

    /** Append an event to the ledger. */
    record Happened<W>(LedgerEvent event) implements Effect<W> {}

    /**
     * Let no writer of an older generation commit a checkpoint from now on, find the newest whole one, cut the ledger back to it, and call
     * {@link StepProtocol#rolledBack}.
     *
     * @param generation that will begin there
     */
    record RollBack<W>(long generation) implements Effect<W> {}

    /**
     * Let no writer of an older generation commit a checkpoint, or remove one, from now on: another worker is to write them.
     *
     * @param generation whose first rank writes
     */
    record Fence<W>(long generation) implements Effect<W> {}

    /** Tell people. */
    record Notice<W>(String line) implements Effect<W> {}

    /** The run is over. */
    record End<W>(Outcome outcome) implements Effect<W> {}
}

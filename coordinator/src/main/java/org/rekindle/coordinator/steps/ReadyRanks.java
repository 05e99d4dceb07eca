package org.rekindle.coordinator.steps;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.protocol.CoordinatorCommand.StepReady;

/** What the ranks of a generation have said of the step in flight. */
final class ReadyRanks {

    private final SortedMap<Integer, StepReady> byRank = new TreeMap<>();

    /** @return false for a rank that has said so before */
    boolean add(StepReady message) {
        return byRank.putIfAbsent(message.rank(), message) == null;
    }

    int count() {
        return byRank.size();
    }

    void clear() {
        byRank.clear();
    }

    /**
     * The step that all of them hold ready.
     *
     * @param lanes lanes of the run
     */
    CommittedStep agreeOn(long step, long generation, int lanes) {
        SortedMap<Integer, LedgerEntry.Range> ranges = new TreeMap<>();
        byRank.values().forEach(message -> ranges.putAll(message.lanes()));
        boolean finite = byRank.values().stream().allMatch(StepReady::finite);
        double lossSum =
                byRank.values().stream().mapToDouble(StepReady::lossSum).sum();
        List<StepReady> all = List.copyOf(byRank.values());
        return new CommittedStep(
                new LedgerEntry(step, generation, ranges, !finite),
                lossSum / lanes,
                all.get(0).gradientNorm(),
                all.stream().map(StepReady::stages).toList(),
                all.stream().map(message -> message.lanes().size()).toList());
    }
}

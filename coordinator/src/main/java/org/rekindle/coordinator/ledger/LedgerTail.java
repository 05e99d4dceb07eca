package org.rekindle.coordinator.ledger;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;

/**
 * How a ledger ends.
 *
 * @param last the last step; null where there is none
 * @param events what happened since then
 */
public record LedgerTail(LedgerEntry last, List<LedgerEvent> events) {

    static LedgerTail of(AppendedLines lines) {
        LedgerEntry last = null;
        List<LedgerEvent> events = new ArrayList<>();
        for (String line : lines.tail(text -> !LedgerLine.isEvent(text))) {
            try {
                LedgerLine parsed = LedgerLine.parse(line);
                if (parsed instanceof LedgerEvent event) {
                    events.add(event);
                } else if (parsed instanceof LedgerEntry entry) {
                    last = entry;
                    events.clear();
                }
            } catch (JsonProcessingException e) {
                throw new UserException("ledger.jsonl: no line of a ledger: " + line + "; repair or remove it", e);
            }
        }
        return new LedgerTail(last, List.copyOf(events));
    }

    /** The newest step; 0 where there is none. */
    public long step() {
        return last == null ? 0 : last.step();
    }

    /** The newest generation; 0 where there was none. */
    public long generation() {
        long ofEvents = events.stream().mapToLong(LedgerEvent::generation).max().orElse(0);
        return Math.max(ofEvents, last == null ? 0 : last.generation());
    }

    /**
     * Where each lane goes on after a step: behind what a rollback left out there.
     *
     * @param step not before the last one
     * @param saved where the newest checkpoint says that lanes go on
     */
    public Map<Integer, LaneCursor> cursors(long step, Map<Integer, LaneCursor> saved) {
        Map<Integer, LaneCursor> cursors = new HashMap<>(saved);
        if (last != null && last.step() == step) {
            last.lanes().forEach((lane, range) -> cursors.put(lane, range.after()));
        }
        for (LedgerEvent event : events) {
            if (event.step() == step && event.lanes() != null) {
                event.lanes().forEach((lane, range) -> cursors.put(lane, range.after()));
            }
        }
        return cursors;
    }
}

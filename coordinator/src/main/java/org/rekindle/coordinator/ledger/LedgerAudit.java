package org.rekindle.coordinator.ledger;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;

/**
 * Holds a ledger to its promise, line by line: steps count up by one from 1, each has every lane of the run once, each lane begins where it
 * ended and goes on from there, generations grow. So each place of each lane's walk over the shards is in one step. What the walk
 * meets there, and what of it the filters turn away, is the data plane's and not in the ledger.
 *
 * <p>A rollback removes the lines that it goes back over, so step numbers never fall; examples that it leaves out are in its event, and
 * the lanes go on behind them.
 *
 * <p>Memory holds one cursor per lane and the faults that are named, however long the ledger is.
 */
public final class LedgerAudit {

    private static final int MAX_NAMED = 20;

    private final Map<Integer, LaneCursor> at = new TreeMap<>();
    private final SavedCursors saved;
    private final StepRanges skipped = new StepRanges();
    private final List<String> faults = new ArrayList<>();
    private final List<String> rollbacks = new ArrayList<>();
    private String unfinished;
    private long faultCount;
    private long rollbackCount;
    private long takeovers;
    private long generations;
    private long line;
    private long step;
    private long formed; // newest generation that formed
    private long announced; // no older one forms any more
    private boolean torn; // lines are missing or misplaced just before: cursors cannot be compared

    private LedgerAudit(int lanes, Map<Long, Map<Integer, LaneCursor>> checkpoints) {
        this.saved = new SavedCursors(checkpoints);
        for (int lane = 0; lane < lanes; lane++) {
            at.put(lane, LaneCursor.START);
        }
        saved.compare(step, at);
    }

    /**
     * Reads a ledger, which may be growing.
     *
     * @param file {@code ledger.jsonl}; one that is not there is an empty one
     * @param lanes lanes of the run; 0 for those of the first step
     * @param checkpoints where each lane goes on, by the checkpoint's step
     * @throws UserException when it cannot be read
     */
    public static LedgerAudit of(Path file, int lanes, Map<Long, Map<Integer, LaneCursor>> checkpoints) {
        LedgerAudit audit = new LedgerAudit(lanes, checkpoints);
        // a reader that replaces what is no UTF-8: such a line is named below
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8))) {
            String text = lines.readLine();
            while (text != null) {
                String following = lines.readLine();
                audit.add(text, following == null);
                text = following;
            }
        } catch (NoSuchFileException e) {
            return audit;
        } catch (IOException e) {
            throw new UserException(file + ": cannot be read (" + UserException.reason(e) + ")", e);
        }
        return audit;
    }

    private void add(String text, boolean isLast) {
        line++;
        try {
            LedgerLine parsed = LedgerLine.parse(text);
            if (parsed instanceof LedgerEntry entry) {
                step(entry);
            } else if (parsed instanceof LedgerEvent event) {
                event(event);
            } else {
                fault("no line of a ledger");
            }
        } catch (JsonProcessingException e) {
            if (isLast) {
                unfinished = "ledger.jsonl line %d: unfinished; the next start removes it".formatted(line);
            } else {
                fault("no line of a ledger");
            }
        }
    }

    private void step(LedgerEntry entry) {
        if (entry.step() > step + 1) {
            lost("step %d follows step %d; the lines between are missing".formatted(entry.step(), step));
        } else if (entry.step() <= step) {
            lost(
                    "step %d follows step %d; steps count up by one, for a rollback removes the lines that it goes back over"
                            .formatted(entry.step(), step));
        }
        step = entry.step();
        if (at.isEmpty()) {
            entry.lanes().keySet().forEach(lane -> at.put(lane, LaneCursor.START));
        }
        advance(entry.lanes(), "step " + step);
        if (entry.generation() != formed) {
            fault("step %d is of generation %d, the newest that formed is %d"
                    .formatted(step, entry.generation(), formed));
        } else if (formed < announced) {
            fault("step %d is of generation %d, the run had gone on from generation %d"
                    .formatted(step, formed, announced));
        }
        formed = entry.generation();
        announced = formed;
        if (entry.skipped()) {
            skipped.add(step);
        }
        saved.compare(step, at);
    }

    private void event(LedgerEvent event) {
        if (event.step() != step) {
            lost("%s of step %d stands behind step %d".formatted(event.event(), event.step(), step));
            step = event.step();
        }
        if (event.generation() <= formed || event.generation() < announced) {
            fault("generation %d follows generation %d; generations grow"
                    .formatted(event.generation(), Math.max(formed, announced)));
        }
        announced = event.generation();
        switch (String.valueOf(event.event())) {
            case LedgerEvent.GENERATION -> {
                formed = event.generation();
                generations++;
            }
            case LedgerEvent.ROLLBACK -> rollback(event);
            case LedgerEvent.COORDINATOR -> takeovers++;
            default -> fault("unknown event " + event.event());
        }
    }

    private void rollback(LedgerEvent event) {
        if (event.from() == null || event.from() < step) {
            fault("rollback from step %s to step %d, which is not before it".formatted(event.from(), step));
        }
        rollbackCount++;
        if (rollbacks.size() < MAX_NAMED) {
            rollbacks.add("from step %s to %d%s"
                    .formatted(event.from(), step, event.lanes() == null ? "" : " leaving the examples between out"));
        }
        if (event.lanes() != null) {
            advance(event.lanes(), "the rollback to step " + step);
            saved.compare(step, at);
        }
    }

    /** Every lane once, from where it stands. */
    private void advance(Map<Integer, LedgerEntry.Range> ranges, String where) {
        List<String> wrong = new ArrayList<>();
        ranges.keySet().stream()
                .filter(lane -> !at.containsKey(lane))
                .forEach(lane -> wrong.add("lane %d of %s is none of the run's %d".formatted(lane, where, at.size())));
        for (Map.Entry<Integer, LaneCursor> lane : at.entrySet()) {
            LedgerEntry.Range range = ranges.get(lane.getKey());
            if (range == null || range.before() == null || range.after() == null) {
                wrong.add("lane %d of %s is missing".formatted(lane.getKey(), where));
            } else {
                if (!torn && !range.before().equals(lane.getValue())) {
                    wrong.add("lane %d of %s begins at %s, expected %s; %s"
                            .formatted(
                                    lane.getKey(),
                                    where,
                                    range.before().describe(),
                                    lane.getValue().describe(),
                                    range.before().isBehind(lane.getValue())
                                            ? "the examples between are in no step"
                                            : "examples are in two steps"));
                } else if (!range.after().isBehind(range.before())) {
                    wrong.add("lane %d of %s ends at %s, which is not behind its beginning %s"
                            .formatted(
                                    lane.getKey(),
                                    where,
                                    range.after().describe(),
                                    range.before().describe()));
                }
                lane.setValue(range.after());
            }
        }
        torn = false;
        if (!wrong.isEmpty()) {
            fault(wrong.get(0) + (wrong.size() == 1 ? "" : "; so are %d more lanes".formatted(wrong.size() - 1)));
        }
    }

    private void lost(String what) {
        fault(what);
        torn = true;
    }

    private void fault(String what) {
        faultCount++;
        if (faults.size() < MAX_NAMED) {
            faults.add("ledger.jsonl line " + line + ": " + what);
        } else if (faults.size() == MAX_NAMED) {
            faults.add("ledger.jsonl: there are more faults behind these");
        }
    }

    /** What is wrong, in the order of the lines; empty where all holds. Only the first few are named. */
    public List<String> faults() {
        return List.copyOf(faults);
    }

    /** How many faults there are. */
    public long faultCount() {
        return faultCount;
    }

    /** Says that the last line is unfinished, as a kill or a run under way leaves it. */
    public Optional<String> unfinished() {
        return Optional.ofNullable(unfinished);
    }

    /** What does not let a checkpoint's cursors follow from the ledger; empty where they do. */
    public Optional<String> difference(long checkpoint) {
        return saved.difference(checkpoint, step);
    }

    /** The newest committed step; 0 where there is none. */
    public long steps() {
        return step;
    }

    public int lanes() {
        return at.size();
    }

    /** How many generations formed. */
    public long generations() {
        return generations;
    }

    /** How often another node took the coordinator over. */
    public long takeovers() {
        return takeovers;
    }

    /** Rollbacks in words. */
    public String rollbacks() {
        return rollbackCount == 0
                ? "none"
                : rollbackCount + ": " + String.join(", ", rollbacks)
                        + (rollbackCount > rollbacks.size() ? " ..." : "");
    }

    /** Skipped steps in words. */
    public String skipped() {
        return skipped.describe();
    }
}

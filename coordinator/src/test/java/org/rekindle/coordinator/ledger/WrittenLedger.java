package org.rekindle.coordinator.ledger;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.rekindle.data.lanes.LaneCursor;

/**
 * A right ledger of a run to which everything happens that may: generations, takeovers, skipped steps, rollbacks with and without examples
 * that are left out. Written by {@link Ledger}, as a coordinator does.
 */
final class WrittenLedger {

    final Path file;
    final int lanes;
    final Map<Long, Map<Integer, LaneCursor>> checkpoints = new TreeMap<>();
    private final Random random;
    private Map<Integer, LaneCursor> at = new HashMap<>();
    private long step;
    private long generation;

    WrittenLedger(Path file, int lanes, long seed) {
        this.file = file;
        this.lanes = lanes;
        this.random = new Random(seed);
        for (int lane = 0; lane < lanes; lane++) {
            at.put(lane, LaneCursor.START);
        }
        checkpoints.put(0L, at);
    }

    /** @param happenings how many lines are written, also those that a rollback removes again */
    WrittenLedger write(int happenings) {
        try (Ledger ledger = Ledger.open(file)) {
            form(ledger);
            for (int i = 0; i < happenings; i++) {
                switch (random.nextInt(20)) {
                    case 0 -> form(ledger);
                    case 1 -> {
                        generation += random.nextInt(3);
                        ledger.append(LedgerEvent.coordinator(step, generation + 1, 2));
                        form(ledger);
                    }
                    case 2 -> rollBack(ledger);
                    case 3, 4 -> checkpoints.put(step, at);
                    default -> step(ledger);
                }
            }
            step(ledger);
        }
        return this;
    }

    private void form(Ledger ledger) {
        generation++;
        ledger.append(LedgerEvent.generation(step, generation, List.of(0, 1), "a worker \"event\": was lost"));
    }

    private void step(Ledger ledger) {
        step++;
        Map<Integer, LedgerEntry.Range> ranges = new HashMap<>();
        Map<Integer, LaneCursor> after = new HashMap<>();
        at.forEach((lane, before) -> {
            after.put(lane, next(before));
            ranges.put(lane, new LedgerEntry.Range(before, after.get(lane)));
        });
        ledger.append(new LedgerEntry(step, generation, ranges, random.nextInt(10) == 0));
        at = after;
    }

    private LaneCursor next(LaneCursor at) {
        return switch (random.nextInt(6)) {
            case 0 -> new LaneCursor(at.epoch() + 1, 0, 0, 0, random.nextInt(3));
            case 1 -> new LaneCursor(at.epoch(), at.position() + 1, 0, at.block() + 1, random.nextInt(3));
            case 2 -> new LaneCursor(at.epoch(), at.position(), at.example() + 1, at.block() + 1, 0);
            default -> new LaneCursor(at.epoch(), at.position(), at.example(), at.block(), at.offset() + 1);
        };
    }

    private void rollBack(Ledger ledger) {
        long from = step;
        Map<Integer, LaneCursor> left = at;
        step = checkpoints.keySet().stream().mapToLong(Long::longValue).max().orElseThrow();
        ledger.truncate(step);
        at = ledger.tail().cursors(step, checkpoints.get(step));
        Map<Integer, LedgerEntry.Range> leftOut = null;
        if (from > step && random.nextBoolean()) {
            leftOut = new HashMap<>();
            for (int lane = 0; lane < lanes; lane++) {
                leftOut.put(lane, new LedgerEntry.Range(at.get(lane), left.get(lane)));
            }
            at = left;
        }
        ledger.append(LedgerEvent.rollback(step, generation + 1, from, leftOut, "not finite"));
        form(ledger);
    }

    LedgerAudit audit() {
        return LedgerAudit.of(file, lanes, checkpoints);
    }

    List<String> text() throws IOException {
        return new ArrayList<>(Files.readAllLines(file));
    }

    void replace(List<String> text) throws IOException {
        Files.write(file, text);
    }
}

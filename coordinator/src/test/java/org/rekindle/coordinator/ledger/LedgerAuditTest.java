package org.rekindle.coordinator.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Assume;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterTry;
import net.jqwik.api.lifecycle.BeforeTry;
import org.rekindle.data.lanes.LaneCursor;

class LedgerAuditTest {

    private Path folder;
    private Path file;

    @BeforeTry
    void makeFolder() throws IOException {
        folder = Files.createTempDirectory("ledger");
        file = folder.resolve("ledger.jsonl");
    }

    @AfterTry
    void removeFolder() throws IOException {
        Files.deleteIfExists(file);
        Files.delete(folder);
    }

    @Property(tries = 200)
    void aRightLedgerHoldsAndEveryCheckpointFollowsFromIt(
            @ForAll long seed, @ForAll @IntRange(min = 1, max = 4) int lanes) throws IOException {
        WrittenLedger ledger = new WrittenLedger(file, lanes, seed).write(60);
        LedgerAudit audit = ledger.audit();

        assertThat(audit.faults()).isEmpty();
        assertThat(audit.unfinished()).isEmpty();
        assertThat(audit.steps())
                .isEqualTo(ledger.text().stream()
                        .filter(line -> !line.contains("\"event\":"))
                        .count());
        ledger.checkpoints.keySet().forEach(step -> assertThat(audit.difference(step))
                .isEmpty());
    }

    @Property(tries = 200)
    void aLineThatIsMissingIsFoundWhereItWas(@ForAll long seed, @ForAll @IntRange(max = 1000) int where)
            throws IOException {
        WrittenLedger ledger = new WrittenLedger(file, 2, seed).write(40);
        List<String> text = ledger.text();
        int index = where % (text.size() - 1);
        Assume.that(isNoticed(text, index));
        text.remove(index);
        ledger.replace(text);

        assertFirstFault(ledger, index + 1);
    }

    /** Nothing follows from the loss of an event that another generation follows before any step. */
    private static boolean isNoticed(List<String> text, int index) {
        String line = text.get(index);
        boolean nextIsGeneration = text.get(index + 1).contains("\"event\":\"generation\"");
        return line.contains("\"event\":\"generation\"") && !text.get(index + 1).contains("\"event\":")
                || !line.contains("\"event\":")
                || line.contains("\"event\":\"rollback\"") && line.contains("\"lanes\":") && !nextIsGeneration;
    }

    @Property(tries = 200)
    void aLineThatIsThereTwiceIsFound(@ForAll long seed, @ForAll @IntRange(max = 1000) int where) throws IOException {
        WrittenLedger ledger = new WrittenLedger(file, 2, seed).write(40);
        List<String> text = ledger.text();
        int index = where % text.size();
        // what announces a generation may come twice before that forms
        Assume.that(!text.get(index).contains("\"event\":\"coordinator\"")
                && !text.get(index).contains("\"event\":\"rollback\""));
        text.add(index, text.get(index));
        ledger.replace(text);

        assertFirstFault(ledger, index + 2);
    }

    @Property(tries = 200)
    void stepsThatChangedPlacesAreFound(@ForAll long seed, @ForAll @IntRange(max = 1000) int where) throws IOException {
        WrittenLedger ledger = new WrittenLedger(file, 2, seed).write(40);
        List<String> text = ledger.text();
        int index = where % (text.size() - 1);
        Assume.that(
                !text.get(index).contains("\"event\":") && !text.get(index + 1).contains("\"event\":"));
        text.add(index, text.remove(index + 1));
        ledger.replace(text);

        assertFirstFault(ledger, index + 1);
    }

    @Property(tries = 200)
    void aChangedCursorIsFound(
            @ForAll long seed,
            @ForAll @IntRange(max = 1000) int where,
            @ForAll boolean end,
            @ForAll @IntRange(min = 1, max = 3) int lanes)
            throws IOException {
        WrittenLedger ledger = new WrittenLedger(file, lanes, seed).write(40);
        List<String> text = ledger.text();
        int index = where % text.size();
        Assume.that(!text.get(index).contains("\"event\":"));
        LedgerEntry entry = (LedgerEntry) LedgerLine.parse(text.get(index));
        Map<Integer, LedgerEntry.Range> ranges = new HashMap<>(entry.lanes());
        int lane = where % lanes;
        LedgerEntry.Range range = ranges.get(lane);
        LaneCursor wrong = new LaneCursor(end ? 1_000_000 : 0, 0, 0, 0, 9999);
        ranges.put(
                lane, end ? new LedgerEntry.Range(range.before(), wrong) : new LedgerEntry.Range(wrong, range.after()));
        text.set(
                index,
                LedgerLine.JSON.writeValueAsString(
                        new LedgerEntry(entry.step(), entry.generation(), ranges, entry.skipped())));
        ledger.replace(text);

        LedgerAudit audit = ledger.audit();
        boolean stepFollows = index + 1 < text.size() && !text.get(index + 1).contains("\"event\":");
        if (!end) {
            assertFirstFault(ledger, index + 1);
            assertThat(audit.faults().get(0)).contains("lane " + lane + " of step " + entry.step() + " begins at ");
        } else if (stepFollows) {
            assertFirstFault(ledger, index + 2);
        }
        if (end && stepFollows && ledger.checkpoints.containsKey(entry.step())) {
            assertThat(audit.difference(entry.step()).orElseThrow()).startsWith("its lane " + lane + " goes on at ");
        }
    }

    @Property(tries = 50)
    void anUnfinishedLastLineIsToldAndNoFault(@ForAll long seed) throws IOException {
        WrittenLedger ledger = new WrittenLedger(file, 2, seed).write(10);
        List<String> text = ledger.text();
        Files.writeString(file, text.get(text.size() - 1).substring(0, 40), StandardOpenOption.APPEND);

        LedgerAudit audit = ledger.audit();
        assertThat(audit.faults()).isEmpty();
        assertThat(audit.unfinished().orElseThrow())
                .startsWith("ledger.jsonl line " + (text.size() + 1) + ": unfinished");
    }

    @Example
    void anUnreadableLineInTheMiddleIsFound() throws IOException {
        WrittenLedger ledger = new WrittenLedger(file, 2, 5).write(20);
        List<String> text = ledger.text();
        text.set(4, text.get(4).substring(3));
        ledger.replace(text);

        assertThat(ledger.audit().faults().get(0)).isEqualTo("ledger.jsonl line 5: no line of a ledger");
    }

    @Example
    void aLaneThatIsLeftOutAndOneThatIsNoneAreFound() throws IOException {
        LedgerEntry.Range range = new LedgerEntry.Range(LaneCursor.START, new LaneCursor(0, 0, 0, 0, 1));
        try (Ledger ledger = Ledger.open(file)) {
            ledger.append(LedgerEvent.generation(0, 1, List.of(0), "start"));
            ledger.append(new LedgerEntry(1, 1, Map.of(0, range, 2, range), false));
        }

        assertThat(LedgerAudit.of(file, 2, Map.of()).faults())
                .containsExactly("ledger.jsonl line 2: lane 2 of step 1 is none of the run's 2; so are 1 more lanes");
        assertThat(LedgerAudit.of(file, 3, Map.of()).faults())
                .containsExactly("ledger.jsonl line 2: lane 1 of step 1 is missing");
    }

    @Example
    void examplesTwiceAndExamplesInNoStepAreToldApart() throws IOException {
        LaneCursor one = new LaneCursor(0, 0, 0, 0, 1);
        LaneCursor two = new LaneCursor(0, 0, 0, 0, 2);
        LaneCursor three = new LaneCursor(0, 0, 0, 0, 3);
        try (Ledger ledger = Ledger.open(file)) {
            ledger.append(LedgerEvent.generation(0, 1, List.of(0), "start"));
            ledger.append(step(1, LaneCursor.START, one));
            ledger.append(step(2, LaneCursor.START, one));
            ledger.append(step(3, two, three));
            ledger.append(step(4, three, three));
        }

        assertThat(LedgerAudit.of(file, 1, Map.of()).faults())
                .containsExactly(
                        "ledger.jsonl line 3: lane 0 of step 2 begins at (epoch 0, shard range 0, example 0, block 0, offset 0),"
                                + " expected (epoch 0, shard range 0, example 0, block 0, offset 1); examples are in two steps",
                        "ledger.jsonl line 4: lane 0 of step 3 begins at (epoch 0, shard range 0, example 0, block 0, offset 2),"
                                + " expected (epoch 0, shard range 0, example 0, block 0, offset 1); the examples between are in no step",
                        "ledger.jsonl line 5: lane 0 of step 4 ends at (epoch 0, shard range 0, example 0, block 0, offset 3),"
                                + " which is not behind its beginning (epoch 0, shard range 0, example 0, block 0, offset 3)");
    }

    @Example
    void generationsThatFallAreFound() throws IOException {
        LaneCursor one = new LaneCursor(0, 0, 0, 0, 1);
        try (Ledger ledger = Ledger.open(file)) {
            ledger.append(LedgerEvent.generation(0, 2, List.of(0), "start"));
            ledger.append(LedgerEvent.generation(0, 1, List.of(0), "again"));
            ledger.append(step(1, LaneCursor.START, one));
        }

        assertThat(LedgerAudit.of(file, 1, Map.of()).faults())
                .containsExactly("ledger.jsonl line 2: generation 1 follows generation 2; generations grow");
    }

    @Example
    void checkpointsThatTheLedgerDoesNotReachAreFound() {
        WrittenLedger ledger = new WrittenLedger(file, 1, 3).write(0);
        LedgerAudit audit = LedgerAudit.of(file, 1, Map.of(7L, Map.of(0, LaneCursor.START)));

        assertThat(ledger.audit().steps()).isOne();
        assertThat(audit.difference(7)).contains("the ledger ends at step 1");
    }

    private static LedgerEntry step(long step, LaneCursor before, LaneCursor after) {
        return new LedgerEntry(step, 1, Map.of(0, new LedgerEntry.Range(before, after)), false);
    }

    private static void assertFirstFault(WrittenLedger ledger, int line) {
        assertThat(ledger.audit().faults()).isNotEmpty();
        assertThat(ledger.audit().faults().get(0)).startsWith("ledger.jsonl line " + line + ": ");
    }
}

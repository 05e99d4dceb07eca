package org.rekindle.coordinator.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.Bucket;
import org.rekindle.data.stores.FaultyS3;
import org.rekindle.data.stores.S3Server;

/** Against a real S3 server in this process. */
class BucketLinesTest {

    private static final int SHORT = 150;

    private static S3Server server;
    private static FaultyS3 front;

    @TempDir
    Path folder;

    private Bucket bucket;

    @BeforeAll
    @BeforeContainer
    static void start() throws Exception {
        server = S3Server.open();
        front = FaultyS3.before(server.port());
    }

    @AfterAll
    @AfterContainer
    static void stop() throws Exception {
        front.close();
        server.close();
    }

    @BeforeEach
    void newLedger() {
        bucket = newBucket();
    }

    @AfterEach
    void heal() {
        front.heal();
    }

    private static Bucket newBucket() {
        return front.bucket("s3://bucket/" + UUID.randomUUID() + "/ledger");
    }

    private static Map<String, Object> line(long step, String writer) {
        return Map.of("step", step, "w", writer);
    }

    private static String text(Map<String, Object> line) throws IOException {
        return new String(StepLines.line(line)).strip();
    }

    private BucketLines open(String name) {
        return BucketLines.open(bucket, folder.resolve(name), SHORT);
    }

    private List<String> stored() throws IOException {
        Path copy = Files.createTempFile(folder, "copy", ".jsonl");
        BucketLines.fetch(bucket, copy);
        return Files.readAllLines(copy);
    }

    /** What two writers in turn do to it equals what they do to a list. */
    @Property(tries = 12)
    void isAListOfLines(@ForAll long seed) throws IOException {
        Random random = new Random(seed);
        Path folder = Files.createTempDirectory("ledger");
        Bucket ledger = newBucket();
        List<Map<String, Object>> model = new ArrayList<>();
        BucketLines[] writers = new BucketLines[2];
        int active = 0;
        writers[0] = BucketLines.open(ledger, folder.resolve("0"), SHORT);
        long step = 0;
        for (int action = 0; action < 40; action++) {
            int dice = random.nextInt(10);
            if (dice == 0) {
                int stale = active;
                active = 1 - active;
                if (writers[active] != null) {
                    writers[active].close();
                }
                writers[active] = BucketLines.open(ledger, folder.resolve(active + ""), SHORT);
                long next = step + 1;
                assertThatThrownBy(() -> writers[stale].append(line(next, "stale")))
                        .isInstanceOf(UserException.class);
            } else if (dice == 1) {
                long to = random.nextLong(step + 1);
                writers[active].truncate(to);
                model.removeIf(line -> (long) line.get("step") > to);
                step = to;
            } else {
                step += random.nextInt(2);
                Map<String, Object> line = line(step, "x".repeat(random.nextInt(60)));
                writers[active].append(line);
                model.add(line);
            }
            List<String> expected = model.stream().map(BucketLinesTest::textOf).toList();
            assertThat(Files.readAllLines(folder.resolve(active + ""))).isEqualTo(expected);
            Path copy = folder.resolve("copy");
            BucketLines.fetch(ledger, copy);
            assertThat(Files.readAllLines(copy)).isEqualTo(expected);
        }
        for (BucketLines writer : writers) {
            if (writer != null) {
                writer.close();
            }
        }
    }

    private static String textOf(Map<String, Object> line) {
        try {
            return text(line);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void whoOpenedBeforeStopsAndLeavesTheLedgerAsItIs() throws IOException {
        try (BucketLines first = open("first")) {
            first.append(line(1, "first"));
            try (BucketLines second = open("second")) {
                second.append(line(2, "second"));
                assertThatThrownBy(() -> first.append(line(2, "first")))
                        .isInstanceOf(UserException.class)
                        .hasMessage(bucket.location()
                                + ": another process leads this run now and writes its ledger; this one stops");
                assertThatThrownBy(() -> first.truncate(0)).isInstanceOf(UserException.class);
                second.append(line(3, "second"));
            }
        }
        assertThat(stored()).containsExactly(text(line(1, "first")), text(line(2, "second")), text(line(3, "second")));
    }

    @Test
    void whoOpensTakesOverFromAWriterThatAppendsMeanwhile() throws IOException {
        BucketLines first = open("first");
        first.append(line(1, "first"));
        front.after("GET .*head.jsonl", () -> first.append(line(2, "first")));

        try (BucketLines second = open("second")) {
            second.append(line(3, "second"));
            assertThatThrownBy(() -> first.append(line(3, "first"))).isInstanceOf(UserException.class);
        }

        first.close();
        assertThat(stored()).containsExactly(text(line(1, "first")), text(line(2, "first")), text(line(3, "second")));
    }

    @Test
    void whoOpensRemovesNothingOfOneWhoOpensAfter() throws IOException {
        open("begun").close();
        List<BucketLines> later = new ArrayList<>();
        List<String> appended = new ArrayList<>();
        front.after("PUT .*head.jsonl", () -> {
            BucketLines lines = open("later");
            later.add(lines);
            for (int step = 1; step <= 20; step++) {
                lines.append(line(step, "some words or other"));
                appended.add(textOf(line(step, "some words or other")));
            }
        });

        open("overtaken").close();

        assertThat(stored()).isEqualTo(appended);
        later.get(0).close();
    }

    @Test
    void aLongLedgerIsInFewSegments() throws IOException {
        try (BucketLines lines = open("lines")) {
            for (int step = 1; step <= 300; step++) {
                lines.append(line(step, "some words"));
            }
        }
        assertThat(stored()).hasSize(300);
        assertThat(bucket.list("")).hasSizeLessThan(12);
    }

    @Test
    void aCopyOfALedgerThatGoesOnKeepsTheSegmentsThatItHas() throws IOException {
        try (BucketLines lines = open("lines")) {
            for (int step = 1; step <= 48; step++) {
                lines.append(line(step, "some words"));
            }
            String first = bucket.list("").get(0).key();
            String second = bucket.list("").get(1).key();
            // behind the first one they are joined before the second one is fetched
            front.after("GET .*" + first, () -> {
                for (int step = 49; step <= 62; step++) {
                    lines.append(line(step, "some words"));
                }
            });
            front.heal();
            assertThat(stored()).hasSize(62);
            assertThat(bucket.list(""))
                    .extracting(Bucket.Entry::key)
                    .contains(first)
                    .doesNotContain(second);
            assertThat(front.requests("GET .*" + first)).isEqualTo(1);
        }
    }

    /** A kill at any request, with or without its effect: what was appended is there, the rest may be, nothing else is. */
    @Test
    void aKilledWriterLosesNoLineThatItHadAppended() throws IOException {
        for (FaultyS3.Fault how : FaultyS3.Fault.values()) {
            for (int request = 1; request <= 25; request++) {
                bucket = newBucket();
                BucketLines killed = open("killed");
                List<String> sure = new ArrayList<>();
                front.dieAt(request, how);
                try {
                    for (int step = 1; step <= 20; step++) {
                        killed.append(line(step, "some words or other"));
                        sure.add(text(line(step, "some words or other")));
                    }
                } catch (UserException e) {
                    assertThat(e).hasMessageContaining("cannot be written").hasMessageNotContaining("\n");
                }
                killed.close();
                front.heal();
                try (BucketLines next = open("next")) {
                    List<String> found = next.tail(line -> false);
                    assertThat(found.size() - sure.size()).isBetween(0, 1);
                    assertThat(found.subList(0, sure.size())).isEqualTo(sure);
                    next.append(line(100, "next"));
                    assertThat(stored()).hasSize(found.size() + 1).endsWith(text(line(100, "next")));
                    String head = bucket.read(BucketLines.HEAD).orElseThrow().text();
                    assertThat(bucket.list("")).as("leftovers are gone").allSatisfy(object -> assertThat(
                                    object.key().equals(BucketLines.HEAD) || head.contains(object.key()))
                            .isTrue());
                }
            }
        }
    }

    @Test
    void aRequestThatFailsOnceIsRepeatedAndALostAnswerIsNoOtherWriter() throws IOException {
        for (FaultyS3.Fault how : FaultyS3.Fault.values()) {
            for (int request = 1; request <= 14; request++) {
                bucket = newBucket();
                front.failOnce(request, how);
                List<String> expected = new ArrayList<>();
                try (BucketLines lines = open("lines")) {
                    for (int step = 1; step <= 10; step++) {
                        lines.append(line(step, "some words or other"));
                        expected.add(text(line(step, "some words or other")));
                    }
                }
                assertThat(stored()).isEqualTo(expected);
            }
        }
    }

    @Test
    void aLedgerInABucketEndsAsOneInAFileDoes() throws IOException {
        try (Ledger inBucket = Ledger.open(bucket, folder.resolve("copy"));
                Ledger inFile = Ledger.open(folder.resolve("file"))) {
            for (Ledger ledger : List.of(inBucket, inFile)) {
                ledger.append(LedgerEvent.generation(0, 1, List.of(0), "start"));
                Stream.of(1, 2, 3).forEach(step -> ledger.append(new LedgerEntry(step, 1, Map.of(), false)));
                ledger.truncate(2);
                ledger.append(LedgerEvent.rollback(2, 2, 3, null, "why"));
                ledger.sync();
            }
            assertThat(inBucket.tail()).isEqualTo(inFile.tail());
        }
        assertThat(stored()).isEqualTo(Files.readAllLines(folder.resolve("file")));
    }
}

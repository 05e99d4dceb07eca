package org.rekindle.coordinator.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;

class LedgerTest {

    @TempDir
    Path folder;

    @Test
    void aLineHoldsTheRangesOfAllLanes() throws IOException {
        Path file = folder.resolve("ledger.jsonl");
        LedgerEntry entry = new LedgerEntry(
                1, 2, Map.of(3, new LedgerEntry.Range(LaneCursor.START, new LaneCursor(0, 1, 2, 3, 4))), false);
        try (Ledger ledger = Ledger.open(file)) {
            ledger.append(entry);
            ledger.sync();
        }

        assertThat(Files.readString(file))
                .isEqualTo("{\"step\":1,\"generation\":2,\"lanes\":{\"3\":["
                        + "{\"epoch\":0,\"position\":0,\"example\":0,\"block\":0,\"offset\":0},"
                        + "{\"epoch\":0,\"position\":1,\"example\":2,\"block\":3,\"offset\":4}]}}\n");
        assertThat(new ObjectMapper().readValue(file.toFile(), LedgerEntry.class))
                .isEqualTo(entry);
    }

    @Test
    void aSkippedStepSaysSo() throws IOException {
        Path file = folder.resolve("ledger.jsonl");
        try (Ledger ledger = Ledger.open(file)) {
            ledger.append(new LedgerEntry(1, 1, Map.of(), true));
        }

        assertThat(Files.readString(file)).contains("\"skipped\":true");
    }

    @Test
    void truncatingKeepsTheStepsUpToTheCheckpointAndAppendingGoesOn() throws IOException {
        Path file = folder.resolve("ledger.jsonl");
        try (Ledger ledger = Ledger.open(file)) {
            append(ledger, 1, 5);
            ledger.truncate(3);
            append(ledger, 4, 4);
        }

        assertThat(Files.readAllLines(file)).hasSize(4).last().asString().startsWith("{\"step\":4,");
        assertThat(folder).isDirectoryContaining(path -> path.endsWith("ledger.jsonl"));
        assertThat(Files.list(folder)).as("no temporary file stays").hasSize(1);
    }

    @Test
    void aTornLastLineIsDropped() throws IOException {
        Path file = folder.resolve("ledger.jsonl");
        try (Ledger ledger = Ledger.open(file)) {
            append(ledger, 1, 2);
        }
        Files.write(file, new byte[] {'{', '"', 's', (byte) 0xc3}, StandardOpenOption.APPEND);

        try (Ledger ledger = Ledger.open(file)) {
            ledger.truncate(9);
            append(ledger, 3, 3);
        }

        assertThat(Files.readAllLines(file)).hasSize(3);
    }

    @Test
    void aBrokenLineInTheMiddleIsNotSilentlyDropped() throws IOException {
        Path file = Files.writeString(folder.resolve("ledger.jsonl"), "{\"step\":1}\n{\"st\n{\"step\":3}\n");

        try (Ledger ledger = Ledger.open(file)) {
            assertThatThrownBy(() -> ledger.truncate(9))
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("ledger.jsonl line 2");
        }
        assertThat(Files.readAllLines(file)).hasSize(3);
    }

    @Test
    void aFullDiskIsOneLine() {
        assumeTrue(Files.exists(Path.of("/dev/full")), "only Linux has /dev/full");

        try (Ledger ledger = Ledger.open(Path.of("/dev/full"))) {
            assertThatThrownBy(() -> append(ledger, 1, 1))
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("No space left on device");
        }
    }

    private static void append(Ledger ledger, long first, long last) {
        LongStream.rangeClosed(first, last).forEach(step -> ledger.append(new LedgerEntry(step, 1, Map.of(), false)));
    }
}

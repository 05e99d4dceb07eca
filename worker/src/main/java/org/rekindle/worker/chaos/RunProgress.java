package org.rekindle.worker.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.rekindle.data.UserException;

/** Follows the ledger of a run under way, as other processes write it. */
final class RunProgress {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path ledger;
    private long read; // bytes
    private long committed;
    private long generation;
    private int coordinator;
    private Set<Integer> members = Set.of();
    private long skipped;

    /** @param run its folder */
    RunProgress(Path run) {
        ledger = run.resolve("ledger.jsonl");
    }

    /** Reads what is new. A ledger that was cut back is read again from its start. */
    void look() {
        if (!ledger.toFile().exists()) {
            return;
        }
        try (RandomAccessFile file = new RandomAccessFile(ledger.toFile(), "r")) {
            if (file.length() < read) {
                read = 0;
                skipped = 0;
            }
            byte[] bytes = new byte[(int) Math.min(1 << 24, file.length() - read)];
            file.seek(read);
            file.readFully(bytes);
            int from = 0;
            for (int i = 0; i < bytes.length; i++) {
                if (bytes[i] == '\n') {
                    line(new String(bytes, from, i - from, StandardCharsets.UTF_8));
                    from = i + 1;
                }
            }
            read += from;
        } catch (IOException e) {
            throw new UserException(ledger + ": cannot be read (" + UserException.reason(e) + ")", e);
        }
    }

    private void line(String text) throws IOException {
        JsonNode line = JSON.readTree(text);
        committed = line.get("step").asLong();
        generation = line.get("generation").asLong();
        skipped += line.path("skipped").asBoolean() ? 1 : 0;
        switch (line.path("event").asText()) {
            case "generation" -> {
                members = new HashSet<>();
                line.get("workers").forEach(node -> members.add(node.asInt()));
            }
            case "coordinator" -> coordinator = line.get("node").asInt();
            default -> {
                // a step, or a way back
            }
        }
    }

    long committed() {
        return committed;
    }

    long generation() {
        return generation;
    }

    /** Steps that were skipped. */
    long skipped() {
        return skipped;
    }

    /** Rank of the node that the coordinator is on. */
    int coordinator() {
        return coordinator;
    }

    /** Nodes of the newest generation's workers. */
    Set<Integer> members() {
        return members;
    }
}

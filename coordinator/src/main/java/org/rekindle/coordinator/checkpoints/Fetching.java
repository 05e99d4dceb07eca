package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A folder that a checkpoint is fetched into, beside the one where it belongs. Several nodes of one machine may fetch into the same run
 * folder at a time, so its name holds the process.
 */
record Fetching(Path path) implements AutoCloseable {

    private static final Pattern NAME = Pattern.compile("fetching-([0-9]+)-.*");

    static Fetching in(Path runFolder) throws IOException {
        Files.createDirectories(runFolder);
        return new Fetching(Files.createTempDirectory(
                runFolder, "fetching-" + ProcessHandle.current().pid() + "-"));
    }

    /** Removes what processes that are gone have left. */
    static void removeLeftovers(Path runFolder) throws IOException {
        if (!Files.isDirectory(runFolder)) {
            return;
        }
        List<Path> entries;
        try (Stream<Path> all = Files.list(runFolder)) {
            entries = all.toList();
        }
        for (Path entry : entries) {
            Matcher name = NAME.matcher(entry.getFileName().toString());
            if (name.matches()
                    && ProcessHandle.of(Long.parseLong(name.group(1))).isEmpty()) {
                DurableFiles.delete(entry);
            }
        }
    }

    @Override
    public void close() throws IOException {
        DurableFiles.delete(path);
    }
}

package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A folder in a run folder for what is on its way from a bucket or there. Several processes of one machine may have the same run folder, so
 * its name holds the process.
 */
record TemporaryFolder(Path path) implements AutoCloseable {

    private static final Pattern NAME = Pattern.compile("temporary-([0-9]+)-.*");

    static TemporaryFolder in(Path runFolder) throws IOException {
        Files.createDirectories(runFolder);
        return new TemporaryFolder(Files.createTempDirectory(
                runFolder, "temporary-" + ProcessHandle.current().pid() + "-"));
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

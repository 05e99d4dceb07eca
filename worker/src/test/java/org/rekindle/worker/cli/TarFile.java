package org.rekindle.worker.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/** Writes a shard member by member. */
final class TarFile implements AutoCloseable {

    private static final Path IMAGES = Path.of("../data-streams/src/test/resources/images");

    private final TarArchiveOutputStream tar;

    TarFile(Path file) throws IOException {
        tar = new TarArchiveOutputStream(Files.newOutputStream(file));
    }

    TarFile image(String key, String file) throws IOException {
        return member(key + file.substring(file.lastIndexOf('.')), Files.readAllBytes(IMAGES.resolve(file)));
    }

    TarFile caption(String key, String caption) throws IOException {
        return member(key + ".txt", caption.getBytes(StandardCharsets.UTF_8));
    }

    TarFile member(String name, byte[] bytes) throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(name);
        entry.setSize(bytes.length);
        tar.putArchiveEntry(entry);
        tar.write(bytes);
        tar.closeArchiveEntry();
        return this;
    }

    @Override
    public void close() throws IOException {
        tar.close();
    }
}

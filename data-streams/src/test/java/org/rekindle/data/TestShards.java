package org.rekindle.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/** Tars with any members, and the images of the test resources. */
public final class TestShards {

    private final Map<String, byte[]> members = new LinkedHashMap<>();

    public TestShards member(String name, byte[] bytes) {
        members.put(name, bytes);
        return this;
    }

    public TestShards member(String name, String text) {
        return member(name, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Adds a 1x1 png with a caption. */
    public TestShards example(String key) {
        return member(key + ".png", image("pixel.png")).member(key + ".txt", "caption of " + key);
    }

    public Path write(Path shard) {
        try (TarArchiveOutputStream tar = new TarArchiveOutputStream(Files.newOutputStream(shard))) {
            tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            for (Map.Entry<String, byte[]> member : members.entrySet()) {
                TarArchiveEntry entry = new TarArchiveEntry(member.getKey());
                entry.setSize(member.getValue().length);
                tar.putArchiveEntry(entry);
                tar.write(member.getValue());
                tar.closeArchiveEntry();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return shard;
    }

    public static byte[] image(String name) {
        try (InputStream in = TestShards.class.getResourceAsStream("/images/" + name)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Cuts the file to its first {@code length} bytes. */
    public static void truncate(Path file, long length) {
        try (var channel = Files.newByteChannel(file, java.nio.file.StandardOpenOption.WRITE)) {
            channel.truncate(length);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

package org.rekindle.data.shards;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.rekindle.data.UserException;

/**
 * Writes one shard: per example the members {@code key.extension}, {@code key.json} and {@code key.txt}. The same examples give the same
 * bytes on every machine (no times, no owners). The file has its name only after {@link #publish()}; closing without it leaves nothing
 * behind. One thread.
 */
public final class ShardWriter implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path shard;
    private final Path unfinished;
    private final TarArchiveOutputStream tar;
    private long examples;
    private long bytes;

    /**
     * Begins a shard beside its final place.
     *
     * @throws UserException when the folder cannot be written
     */
    public ShardWriter(Path shard) {
        this.shard = shard.toAbsolutePath();
        this.unfinished = this.shard.resolveSibling("." + this.shard.getFileName() + ".unfinished");
        try {
            Files.createDirectories(this.shard.getParent());
            tar = new TarArchiveOutputStream(new BufferedOutputStream(Files.newOutputStream(unfinished)), "UTF-8");
            tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            tar.setAddPaxHeadersForNonAsciiNames(true);
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    /**
     * Appends an example.
     *
     * @throws UserException when the file cannot be written
     */
    public void add(ShardExample example) {
        try {
            member(example.key() + "." + example.extension(), example.image());
            if (example.json() != null) {
                member(example.key() + ".json", JSON.writeValueAsBytes(example.json()));
            }
            member(example.key() + ".txt", example.caption().getBytes(StandardCharsets.UTF_8));
            examples++;
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    /** Appends a member as it is. */
    void member(String name, byte[] content, boolean endsExample) {
        try {
            member(name, content);
            examples += endsExample ? 1 : 0;
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    private void member(String name, byte[] bytes) throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(name);
        entry.setSize(bytes.length);
        entry.setModTime(0L);
        entry.setIds(0, 0);
        entry.setNames("", "");
        entry.setMode(0644);
        tar.putArchiveEntry(entry);
        tar.write(bytes);
        tar.closeArchiveEntry();
        this.bytes = tar.getBytesWritten();
    }

    /** Returns how many examples were added. */
    public long examples() {
        return examples;
    }

    /** Returns how many bytes were written. */
    long bytes() {
        return bytes;
    }

    /** Completes the file under its temporary name. */
    void finish() {
        try {
            tar.close();
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    /**
     * Completes the file and gives it its name, replacing an older one.
     *
     * @throws UserException when the file cannot be written
     */
    public void publish() {
        finish();
        try {
            Files.move(unfinished, shard, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    /** Removes what was not published. */
    @Override
    public void close() {
        try {
            Files.deleteIfExists(unfinished);
            tar.close();
        } catch (IOException e) {
            // Nothing is lost: the file was published, or is given up along with the error that led here.
            return;
        }
    }

    private UserException unwritable(IOException e) {
        return new UserException(
                "shard " + shard + " cannot be written (" + e.getClass().getSimpleName() + ": " + e.getMessage()
                        + "): check the free space and the permissions of its folder",
                e);
    }
}

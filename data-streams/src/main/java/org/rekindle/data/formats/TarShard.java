package org.rekindle.data.formats;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.rekindle.data.UserException;

/**
 * The members of one local tar file, one after the other. A file that ends early, or turns to garbage half way, gives the members
 * before that place; {@link #damage()} then says where it stopped. One thread.
 */
final class TarShard implements AutoCloseable {

    private static final int BUFFER_BYTES = 1 << 16;
    private static final int RECORD_BYTES = 512;
    /** Larger members are no training image; without a bound a damaged header could ask for all memory. */
    private static final long MAX_MEMBER_BYTES = 256L << 20;

    private final Path path;
    private final long length;
    private final TarArchiveInputStream tar;
    private TarArchiveEntry entry;
    private String damage;

    TarShard(Path path) {
        this.path = path;
        try {
            length = Files.size(path);
            if (length == 0) {
                throw notATar(path, "it is an empty file");
            }
            InputStream file = new BufferedInputStream(Files.newInputStream(path), BUFFER_BYTES);
            tar = new TarArchiveInputStream(file, "UTF-8");
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    /** Moves to the next regular file of the archive and returns its name, or null at the end. */
    String next() {
        try {
            do {
                long header = tar.getBytesRead();
                entry = null;
                entry = tar.getNextEntry();
                if (entry == null) {
                    damage = length % RECORD_BYTES == 0 ? null : "ends early at byte " + length + ", within a header";
                    return null;
                }
                if (!entry.isCheckSumOK()) {
                    return stop(header, "has no valid tar header at byte " + header);
                }
                long needed = tar.getBytesRead() + entry.getSize();
                if (needed > length) {
                    return stop(
                            header,
                            "ends early at byte " + length + ", member " + entry.getName() + " goes on to byte "
                                    + needed);
                }
            } while (!entry.isFile() || entry.isLink() || entry.isSymbolicLink());
            return entry.getName();
        } catch (IOException e) {
            long offset = tar.getBytesRead();
            return stop(
                    offset <= RECORD_BYTES ? 0 : offset,
                    "cannot be read on from byte " + offset + " (" + e.getMessage() + ")");
        }
    }

    private String stop(long header, String why) {
        if (header == 0 && !why.startsWith("ends early")) {
            throw notATar(path, "its first 512 bytes are no tar header");
        }
        damage = why;
        return null;
    }

    /** Returns whether the current member is small enough to be read. */
    boolean isReadable() {
        return entry.getSize() <= MAX_MEMBER_BYTES;
    }

    /** Returns the bytes of the current member, or null when the file breaks off within it. */
    byte[] read() {
        try {
            byte[] bytes = tar.readNBytes((int) entry.getSize());
            if (bytes.length == entry.getSize()) {
                return bytes;
            }
        } catch (IOException e) {
            damage = "cannot be read on from byte " + tar.getBytesRead() + " (" + e.getMessage() + ")";
            return null;
        }
        damage = "ends early at byte " + tar.getBytesRead() + ", within member " + entry.getName();
        return null;
    }

    /** Returns in which member the damage lies, or null when no member or none of that name was announced. */
    String damagedMember() {
        return damage == null || entry == null || !entry.isCheckSumOK() ? null : entry.getName();
    }

    /** Returns what cut the shard short, or null when it was read to its end. */
    String damage() {
        return damage;
    }

    @Override
    public void close() {
        try {
            tar.close();
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    private static UserException notATar(Path path, String why) {
        return new UserException("shard " + path + " is not a tar archive, " + why
                + ": correct dataset.params.path or make the shard again (rekindle shards make)");
    }

    private static UserException unreadable(Path path, IOException e) {
        return new UserException(
                "shard " + path + " cannot be read (" + e.getClass().getSimpleName() + ": " + e.getMessage()
                        + "): check that it is a file and its permissions",
                e);
    }
}

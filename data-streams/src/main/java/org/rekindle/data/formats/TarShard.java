package org.rekindle.data.formats;

import java.io.BufferedInputStream;
import java.io.FilterInputStream;
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
    private long header;
    private long nextHeader;
    private String damage;

    TarShard(Path path) {
        this.path = path;
        try {
            length = Files.size(path);
            if (length < RECORD_BYTES) {
                throw notATar(path, length == 0 ? "it is an empty file" : "it has only " + length + " bytes");
            }
            tar = new TarArchiveInputStream(new BufferedInputStream(open(path), BUFFER_BYTES), "UTF-8");
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    /** Opens the file such that a failing disk ends the run: only damage in the file itself may shorten a shard. */
    private static InputStream open(Path path) throws IOException {
        return new FilterInputStream(Files.newInputStream(path)) {
            @Override
            public int read(byte[] into, int offset, int count) {
                try {
                    return in.read(into, offset, count);
                } catch (IOException e) {
                    throw unreadable(path, e);
                }
            }
        };
    }

    /**
     * Moves to the next regular file of the archive and returns its name, or null at the end.
     *
     * @throws UserException when the file is no tar at all
     */
    String next() {
        try {
            do {
                header = nextHeader;
                entry = null;
                entry = tar.getNextEntry();
                if (entry == null) {
                    damage = length % RECORD_BYTES == 0 ? null : "ends early at byte " + length + ", within a header";
                    return null;
                }
                if (!entry.isCheckSumOK()) {
                    throw new IOException("no valid header");
                }
                long end = tar.getBytesRead() + entry.getSize();
                nextHeader = (end + RECORD_BYTES - 1) / RECORD_BYTES * RECORD_BYTES;
                if (end > length) {
                    damage = "ends early at byte " + length + ", its member " + entry.getName() + " goes on to byte "
                            + end;
                    return null;
                }
            } while (!entry.isFile() || entry.isLink() || entry.isSymbolicLink());
            return entry.getName();
        } catch (IOException e) {
            if (header == 0) {
                throw notATar(path, "its first 512 bytes are no tar header");
            }
            boolean atEnd = length - tar.getBytesRead() < RECORD_BYTES;
            damage = atEnd
                    ? "ends early at byte " + length
                    : "is damaged at byte " + header + " (" + e.getMessage() + ")";
            return null;
        }
    }

    /** Returns whether the current member is small enough to be read. */
    boolean isReadable() {
        return entry.getSize() <= MAX_MEMBER_BYTES;
    }

    /** Returns the bytes of the current member, or null when the file breaks off within it. */
    byte[] read() {
        String why = "";
        try {
            byte[] bytes = tar.readNBytes((int) entry.getSize());
            if (bytes.length == entry.getSize()) {
                return bytes;
            }
        } catch (IOException e) {
            why = " (" + e.getMessage() + ")";
        }
        damage = "cannot be read on from byte " + tar.getBytesRead() + ", within member " + entry.getName() + why;
        return null;
    }

    /** Returns in which member the damage lies; null when it lies between members. */
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

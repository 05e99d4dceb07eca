package org.rekindle.data.formats;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.rekindle.data.stores.SeekableBytes;

/**
 * The regular files of a tar stream, one after the other. What is damaged ends it with a {@link ShardFailure} that names the byte and the
 * member, after the members before it were given. One thread.
 */
final class TarMembers implements AutoCloseable {

    private static final int RECORD_BYTES = 512;

    /** Members larger than this are worth going round. */
    private static final int WORTH_A_SEEK = 1 << 14;

    private final String shard;
    private final InputStream bytes;
    private final SeekableBytes seekable;
    private final long length;
    private final boolean compressed;
    private TarArchiveInputStream tar;
    private long base;
    private TarArchiveEntry entry;
    private long header;
    private long nextHeader;
    private String current;
    private String failedMember;

    private TarMembers(
            String shard, InputStream bytes, SeekableBytes seekable, long base, long length, boolean compressed) {
        this.shard = shard;
        this.bytes = bytes;
        this.seekable = seekable;
        this.length = length;
        this.compressed = compressed;
        this.base = base;
        this.header = base;
        this.nextHeader = base;
        this.tar = new TarArchiveInputStream(bytes, "UTF-8");
    }

    /**
     * A local file.
     *
     * @param shard its location, for messages
     * @param bytes those of {@code seekable}, at {@code base}, where a header begins; closing this closes them
     * @param length of the file
     */
    static TarMembers seekable(String shard, SeekableBytes seekable, InputStream bytes, long base, long length) {
        return new TarMembers(shard, bytes, seekable, base, length, false);
    }

    /** A tar that is read from {@code base} on, where a header begins. */
    static TarMembers streamed(String shard, InputStream bytes, long base) {
        return new TarMembers(shard, bytes, null, base, -1, false);
    }

    /** A tar that comes out of a compressed shard: its offsets are not those of the shard's own bytes. */
    static TarMembers compressed(String shard, InputStream bytes) {
        return new TarMembers(shard, bytes, null, 0, -1, true);
    }

    /**
     * Moves to the next regular file of the archive and returns its name, or null at the end.
     *
     * @throws ShardFailure when the archive is damaged here, or its store gives no more
     */
    String next() {
        do {
            long from = nextHeader;
            try {
                goRound(from);
                entry = tar.getNextEntry();
            } catch (IOException e) {
                // What is left of the member before is skipped here.
                failedMember = current != null && position() < from ? current : null;
                throw failed(e);
            }
            header = from;
            current = null;
            if (entry == null) {
                requireWhole();
                return null;
            }
            if (!entry.isCheckSumOK()) {
                throw header == 0 ? notATar() : damaged("is damaged at byte " + header + " (no valid header)");
            }
            long end = position() + entry.getSize();
            nextHeader = (end + RECORD_BYTES - 1) / RECORD_BYTES * RECORD_BYTES;
            current = entry.getName();
            if (length >= 0 && end > length) {
                failedMember = current;
                throw damaged(
                        "ends early at byte " + length + ", its member " + entry.getName() + " goes on to byte " + end);
            }
        } while (!entry.isFile() || entry.isLink() || entry.isSymbolicLink());
        return entry.getName();
    }

    /** Commons Compress reads what it skips: past a large member the archive is opened anew behind it. */
    private void goRound(long to) throws IOException {
        if (seekable != null && to - position() > WORTH_A_SEEK && to <= length) {
            seekable.seek(to);
            tar = new TarArchiveInputStream(bytes, "UTF-8");
            base = to;
        }
    }

    /** Whether offsets are not those of the shard's own bytes. */
    boolean isCompressed() {
        return compressed;
    }

    /** Returns the length of the current member in bytes. */
    long size() {
        return entry.getSize();
    }

    /** Returns where the next byte of the current member lies in the tar. */
    long position() {
        return base + tar.getBytesRead();
    }

    /** Returns where the current member begins, its extended headers included. */
    long header() {
        return header;
    }

    /**
     * Returns the bytes of the current member, which must fit an array.
     *
     * @throws ShardFailure when the archive breaks off within it
     */
    byte[] read() {
        try {
            int size = (int) entry.getSize();
            if (length >= 0) {
                // The header's word was compared with the file.
                byte[] bytes = new byte[size];
                if (tar.readNBytes(bytes, 0, size) == size) {
                    return bytes;
                }
            } else {
                byte[] bytes = tar.readNBytes(size);
                if (bytes.length == size) {
                    return bytes;
                }
            }
        } catch (IOException e) {
            failedMember = current;
            throw failed(e);
        }
        failedMember = current;
        throw damaged("ends early at byte " + position() + ", within member " + current);
    }

    /** Less than a record is no tar; one whose length is no multiple of a record lost its end. */
    private void requireWhole() {
        if (position() < RECORD_BYTES) {
            throw notATar();
        } else if (length > 0 && length % RECORD_BYTES != 0) {
            throw damaged("ends early at byte " + length + ", within a header");
        }
    }

    /** Tells a store that gives no more from a tar that Commons Compress cannot make sense of. */
    private ShardFailure failed(IOException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof StoreFailure failure) {
                return ShardFailure.unavailable(
                        "shard " + shard + " cannot be read on from byte " + position() + within() + " ("
                                + failure.getMessage() + ")",
                        failure.getCause());
            }
        }
        if (header == 0 && current == null) {
            return notATar();
        }
        boolean early = length >= 0 ? length - position() < RECORD_BYTES : e instanceof EOFException;
        return damaged(
                early
                        ? "ends early at byte " + (length >= 0 ? length : position()) + within()
                        : "is damaged at byte " + nextHeader + within() + " (" + e.getMessage() + ")");
    }

    /** Returns the member within which the archive failed; null when that was between members, or it did not. */
    String failedMember() {
        return failedMember;
    }

    private String within() {
        return failedMember == null ? "" : ", within member " + failedMember;
    }

    private ShardFailure damaged(String why) {
        return ShardFailure.damaged("shard " + shard + " " + why);
    }

    private ShardFailure notATar() {
        return ShardFailure.damaged("shard " + shard + " is not a tar archive, "
                + (length == 0
                        ? "it is an empty file"
                        : length > 0 && length < RECORD_BYTES
                                ? "it has only " + length + " bytes"
                                : "its first 512 bytes are no tar header")
                + ": correct dataset.params.path or make the shard again (rekindle shards make)");
    }

    @Override
    public void close() {
        try {
            tar.close();
        } catch (IOException e) {
            // Nothing depends on how a stream ends that nobody reads any more.
            return;
        }
    }
}

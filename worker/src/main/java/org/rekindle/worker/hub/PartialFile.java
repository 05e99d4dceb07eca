package org.rekindle.worker.hub;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.rekindle.coordinator.checkpoints.DurableFiles;
import org.rekindle.data.UserException;

/**
 * A file that is not whole yet, beside its later name: {@code NAME.HASH.incomplete}. The hash of what it is to become is a part of
 * the name, so that a file which changed on the hub is not continued with another one's bytes. It is locked while it is open.
 *
 * <p>Errors of the disk are {@link UserException}s: another attempt would not help. Belongs to one thread.
 */
final class PartialFile implements AutoCloseable {

    static final String SUFFIX = ".incomplete";

    private static final int HASH_DIGITS = 16;

    private final Path target;
    private final Path path;
    private final HubFile file;
    private final FileChannel channel;

    private PartialFile(Path target, Path path, HubFile file, FileChannel channel) {
        this.target = target;
        this.path = path;
        this.file = file;
        this.channel = channel;
    }

    /** Opens what an earlier attempt left, or an empty file. */
    static PartialFile open(Path target, HubFile file) {
        Path path = target.resolveSibling(
                target.getFileName() + "." + file.hash().hex().substring(0, HASH_DIGITS) + SUFFIX);
        return onDisk(target, () -> {
            Files.createDirectories(target.getParent());
            removeOthers(target, path);
            FileChannel channel = FileChannel.open(
                    path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            try {
                lock(channel, path);
                channel.position(channel.size());
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
            return new PartialFile(target, path, file, channel);
        });
    }

    private static void lock(FileChannel channel, Path path) throws IOException {
        boolean locked;
        try {
            locked = channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            locked = false;
        }
        if (!locked) {
            throw new UserException(
                    path + ": another download is writing it; wait for that one, or choose another out=");
        }
    }

    private static void removeOthers(Path target, Path kept) throws IOException {
        String begin = target.getFileName() + ".";
        try (DirectoryStream<Path> folder = Files.newDirectoryStream(
                target.getParent(),
                path -> path.getFileName().toString().startsWith(begin)
                        && path.getFileName().toString().matches(".*\\.[0-9a-f]{" + HASH_DIGITS + "}\\" + SUFFIX))) {
            for (Path other : folder) {
                if (!other.equals(kept)) {
                    Files.delete(other);
                }
            }
        }
    }

    long length() {
        return onDisk(target, channel::size);
    }

    /** Throws away what there is. */
    void clear() {
        onDisk(target, () -> channel.truncate(0).position(0));
    }

    void append(ByteBuffer bytes) {
        onDisk(target, () -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            return null;
        });
    }

    /**
     * Gives the file its name when its content is right.
     *
     * @throws UserException when it is not; the file is removed then
     */
    void complete() {
        onDisk(target, () -> {
            channel.force(true);
            if (channel.size() != file.size()) {
                throw refused("has " + channel.size() + " bytes where the hub promised " + file.size());
            }
            if (!file.hash().matches(path)) {
                throw refused("does not have the " + file.hash().algorithm() + " "
                        + file.hash().hex() + " that the hub names");
            }
            DurableFiles.rename(path, target);
            return null;
        });
    }

    /** Removes the file, which turned out to be wrong. */
    UserException refused(String problem) {
        onDisk(target, () -> {
            Files.deleteIfExists(path);
            return null;
        });
        return new UserException(target + ": what came " + problem
                + "; it was removed: give the same command again, or try another HF_ENDPOINT");
    }

    @Override
    public void close() {
        onDisk(target, () -> {
            channel.close();
            return null;
        });
    }

    private interface DiskAccess<T> {
        T run() throws IOException;
    }

    private static <T> T onDisk(Path target, DiskAccess<T> access) {
        try {
            return access.run();
        } catch (IOException e) {
            throw new UserException(
                    target + ": cannot be written (" + UserException.reason(e)
                            + "); check disk space and permissions, then give the same command again: it goes on where it stopped",
                    e);
        }
    }
}

package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What runs one at a time, of all threads and processes of this machine that name the same file. The lock is the operating system's and
 * ends with the process.
 */
final class FileLocked {

    interface Action<T> {
        T run() throws IOException;
    }

    private static final Map<Path, Object> MONITORS = new ConcurrentHashMap<>();

    private FileLocked() {}

    /** @param file is created where needed, and stays empty */
    @SuppressWarnings("try") // the lock is only held
    static <T> T run(Path file, Action<T> action) throws IOException {
        // a process that asks for a lock that it has gets an exception
        synchronized (MONITORS.computeIfAbsent(file.toAbsolutePath().normalize(), path -> new Object())) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock lock = channel.lock()) {
                return action.run();
            }
        }
    }
}

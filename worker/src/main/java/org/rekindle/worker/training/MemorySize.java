package org.rekindle.worker.training;

import java.util.Locale;

/** How messages write so many bytes. */
final class MemorySize {

    private MemorySize() {}

    static String text(long bytes) {
        return bytes < 1_000_000_000
                ? String.format(Locale.ROOT, "%.0f MB", Math.ceil(bytes / 1e6))
                : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }
}

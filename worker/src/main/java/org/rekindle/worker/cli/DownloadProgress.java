package org.rekindle.worker.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.ProgressBar;
import org.rekindle.coordinator.monitoring.TerminalBar;
import org.rekindle.worker.hub.DownloadListener;

/** Tells on a console how far a download is: a bar on a terminal, a line per file and every ten seconds elsewhere. */
final class DownloadProgress implements DownloadListener, AutoCloseable {

    private static final long LINE_EVERY_NANOS = Duration.ofSeconds(10).toNanos();
    private static final long MEGABYTE = 1_000_000;

    private final PrintStream out;
    private final boolean terminal;
    private final LongSupplier nanoTime;
    private final Map<String, Long> lengths = new HashMap<>();
    private ProgressBar bar;
    private long total;
    private long done;
    private long lastLine;

    /**
     * @param out where to write
     * @param terminal whether {@code out} is a terminal of somebody who watches
     */
    DownloadProgress(PrintStream out, boolean terminal, LongSupplier nanoTime) {
        this.out = out;
        this.terminal = terminal;
        this.nanoTime = nanoTime;
    }

    @Override
    public synchronized void started(String what, int files, long bytes) {
        total = bytes;
        lastLine = nanoTime.getAsLong();
        out.println(
                what + ": " + (files == 0 ? "every file is there" : files + " files to fetch, " + megabytes(bytes)));
        if (terminal && files > 0) {
            bar = TerminalBar.of(out, "download", bytes)
                    .setUnit(" MB", MEGABYTE)
                    .showSpeed()
                    .build();
        }
    }

    @Override
    public synchronized void at(String path, long bytes) {
        Long before = lengths.put(path, bytes);
        done += bytes - (before == null ? 0 : before);
        if (bar != null) {
            bar.stepTo(done);
        } else if (nanoTime.getAsLong() - lastLine >= LINE_EVERY_NANOS) {
            lastLine = nanoTime.getAsLong();
            out.println(megabytes(done) + " of " + megabytes(total));
        }
    }

    @Override
    public synchronized void fetched(String path, long bytes) {
        message(path + " (" + megabytes(bytes) + ")");
    }

    @Override
    public synchronized void message(String line) {
        if (bar != null) {
            out.print("\r\033[2K");
        }
        out.println(line);
    }

    private static String megabytes(long bytes) {
        return bytes < MEGABYTE
                ? String.format(Locale.ROOT, "%.1f kB", bytes / 1e3)
                : String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
    }

    @Override
    public synchronized void close() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }
}

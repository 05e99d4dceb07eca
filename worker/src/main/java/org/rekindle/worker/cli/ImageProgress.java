package org.rekindle.worker.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.ProgressBar;
import org.rekindle.coordinator.monitoring.TerminalBar;

/** Tells how many images are drawn: a bar on a terminal, elsewhere a line after the first batch, every ten seconds and at the end. */
final class ImageProgress implements AutoCloseable {

    private static final long LINE_EVERY_NANOS = Duration.ofSeconds(10).toNanos();

    private final PrintStream out;
    private final int total;
    private final LongSupplier nanoTime;
    private final long start;
    private final ProgressBar bar;
    private long nextLine;

    /** @param terminal whether {@code out} is a terminal of somebody who watches */
    ImageProgress(PrintStream out, boolean terminal, int total, LongSupplier nanoTime) {
        this.out = out;
        this.total = total;
        this.nanoTime = nanoTime;
        start = nanoTime.getAsLong();
        nextLine = start;
        bar = !terminal ? null : TerminalBar.of(out, "images", total).build();
    }

    void done(int images) {
        if (bar != null) {
            bar.stepTo(images);
            return;
        }
        long now = nanoTime.getAsLong();
        if (now >= nextLine || images == total) {
            double rate = images / Math.max(1e-9, (now - start) / 1e9);
            out.printf(Locale.ROOT, "%d/%d images, %.2f images/s%n", images, total, rate);
            nextLine = now + LINE_EVERY_NANOS;
        }
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}

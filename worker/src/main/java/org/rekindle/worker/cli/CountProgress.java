package org.rekindle.worker.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.ProgressBar;
import org.rekindle.coordinator.monitoring.TerminalBar;

/** Tells how much of a work is done: a bar on a terminal, elsewhere a line at the beginning, every ten seconds and at the end. */
final class CountProgress implements AutoCloseable {

    private static final long LINE_EVERY_NANOS = Duration.ofSeconds(10).toNanos();

    private final PrintStream out;
    private final String unit;
    private final long total;
    private final LongSupplier nanoTime;
    private final long start;
    private final ProgressBar bar;
    private long nextLine;

    /**
     * @param terminal whether {@code out} is a terminal of somebody who watches
     * @param unit what is counted
     * @param total of them; -1 where it is not known
     */
    CountProgress(PrintStream out, boolean terminal, String unit, long total, LongSupplier nanoTime) {
        this.out = out;
        this.unit = unit;
        this.total = total;
        this.nanoTime = nanoTime;
        start = nanoTime.getAsLong();
        nextLine = start;
        bar = !terminal ? null : TerminalBar.of(out, unit, total).build();
    }

    /** Examples, nobody knows how many, told on stderr: stdout is for what the command found. The first line comes after ten seconds. */
    static CountProgress ofExamples() {
        CountProgress progress = new CountProgress(
                System.err, Boolean.getBoolean("rekindle.terminal"), "examples", -1, System::nanoTime);
        progress.nextLine += LINE_EVERY_NANOS;
        return progress;
    }

    void done(long count) {
        if (bar != null) {
            bar.stepTo(count);
            return;
        }
        long now = nanoTime.getAsLong();
        if (now >= nextLine || count == total) {
            double rate = count / Math.max(1e-9, (now - start) / 1e9);
            String of = total < 0 ? "" : "/" + total;
            out.printf(Locale.ROOT, "%d%s %s, %.2f %s/s%n", count, of, unit, rate, unit);
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

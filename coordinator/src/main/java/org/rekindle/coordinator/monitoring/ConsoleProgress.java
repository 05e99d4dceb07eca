package org.rekindle.coordinator.monitoring;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.ProgressBar;
import org.rekindle.data.lanes.Bottleneck;
import org.rekindle.data.lanes.StageCounts;

/** Tells on a console how far a run is: a bar on a terminal, a plain line every ten seconds elsewhere. */
public final class ConsoleProgress implements StepListener {

    private static final long LINE_EVERY_NANOS = Duration.ofSeconds(10).toNanos();

    private final PrintStream out;
    private final boolean terminal;
    private final LongSupplier nanoTime;
    private final Throughput throughput = new Throughput();
    private ProgressBar bar;
    private long totalSteps;
    private long lastLine;
    private String untold;

    private ConsoleProgress(PrintStream out, boolean terminal, LongSupplier nanoTime) {
        this.out = out;
        this.terminal = terminal;
        this.nanoTime = nanoTime;
    }

    /**
     * @param out where to write
     * @param terminal whether {@code out} is a terminal of somebody who watches
     */
    public static ConsoleProgress create(PrintStream out, boolean terminal) {
        return create(out, terminal, System::nanoTime);
    }

    static ConsoleProgress create(PrintStream out, boolean terminal, LongSupplier nanoTime) {
        return new ConsoleProgress(out, terminal, nanoTime);
    }

    @Override
    public synchronized void started(long step, long totalSteps, long examplesSeen) {
        this.totalSteps = totalSteps;
        throughput.start(nanoTime.getAsLong(), step, examplesSeen);
        lastLine = nanoTime.getAsLong();
        out.println(
                step == 0 ? "training " + totalSteps + " steps" : "going on after step " + step + " of " + totalSteps);
        if (terminal) {
            bar = TerminalBar.of(out, "training", totalSteps)
                    .startsFrom(step, Duration.ZERO)
                    .build();
        }
    }

    @Override
    public synchronized void committed(StepMetrics metrics) {
        long now = nanoTime.getAsLong();
        throughput.add(now, metrics.step(), metrics.examplesSeen());
        String status = status(metrics);
        if (metrics.data() != null) {
            tellStarvation(metrics.data());
        }
        if (bar != null) {
            bar.stepTo(metrics.step());
            bar.setExtraMessage(status);
            return;
        }
        untold = "step " + metrics.step() + " of " + totalSteps + ": " + status
                + throughput
                        .timeLeft(totalSteps)
                        .map(left -> ", " + hours(left) + " left")
                        .orElse("");
        if (now - lastLine >= LINE_EVERY_NANOS || metrics.step() == totalSteps) {
            tell();
            lastLine = now;
        }
    }

    /** A training that waits for data is worth a line, one that does not isn't. */
    private void tellStarvation(StageCounts data) {
        if (Bottleneck.of(data) != Bottleneck.TAKER) {
            message(String.format(
                    Locale.ROOT,
                    "%.0f %% of the time went by waiting for data, %s",
                    100 * data.waiting(),
                    Bottleneck.advice(data)));
        }
    }

    private String status(StepMetrics metrics) {
        return String.format(
                Locale.ROOT,
                "loss %.4f%s, %.1f images/s",
                metrics.stepLoss(),
                metrics.skipped() ? " (skipped)" : "",
                throughput.imagesPerSecond());
    }

    private void tell() {
        if (untold != null) {
            out.println(untold);
            untold = null;
        }
    }

    private static String hours(Duration left) {
        return String.format(Locale.ROOT, "%d:%02d:%02d", left.toHours(), left.toMinutesPart(), left.toSecondsPart());
    }

    @Override
    public synchronized void validated(long step, double loss) {
        message(String.format(Locale.ROOT, "validation loss of step %d: %.4f", step, loss));
    }

    @Override
    public synchronized void saved(long step, Path pipeline) {
        message("checkpoint of step " + step + ": " + pipeline);
    }

    @Override
    public synchronized void message(String line) {
        if (bar != null) {
            out.print("\r\033[2K");
        }
        out.println(line);
    }

    @Override
    public synchronized void close() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
        tell();
    }
}

package org.rekindle.coordinator.monitoring;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.rekindle.coordinator.ledger.StepLines;

/**
 * {@code metrics.jsonl}: one object per committed step under the original's names {@code step}, {@code examples_seen},
 * {@code step_loss}, {@code lr}, {@code grad_norm}, {@code images/sec}, {@code images/sec/gpu}; {@code data_wait}, the seconds that the
 * slowest worker waited for its batches; {@code skipped} where no weight changed; under SLURM {@code restart_count}. At the steps of checkpoints {@code data}: what the
 * stages of the data plane have done ({@link org.rekindle.data.lanes.StageCounts}).
 * A validation is a line of its own, with its {@code step} and {@code validation_loss}: it ends after the step's line is written.
 * A number that is not finite is written as null, for JSON has no other word for it.
 */
public final class MetricsFile implements StepListener {

    private final StepLines lines;
    private final Integer restarts; // null outside of SLURM
    private final LongSupplier nanoTime;
    private final Throughput throughput = new Throughput();

    private MetricsFile(StepLines lines, Map<String, String> environment, LongSupplier nanoTime) {
        this.lines = lines;
        this.restarts = environment.containsKey("SLURM_JOB_ID") ? SlurmRestarts.of(environment) : null;
        this.nanoTime = nanoTime;
    }

    /**
     * Opens the file, creating it where needed. At {@link #started} the lines of later steps are removed, atomically.
     *
     * @param environment tells the SLURM job's restarts
     * @throws org.rekindle.data.UserException in one line, when it cannot be written; so do all methods
     */
    public static MetricsFile open(Path file, Map<String, String> environment) {
        return open(file, environment, System::nanoTime);
    }

    static MetricsFile open(Path file, Map<String, String> environment, LongSupplier nanoTime) {
        return new MetricsFile(StepLines.open(file), environment, nanoTime);
    }

    @Override
    public void started(long step, long totalSteps, long examplesSeen) {
        lines.truncate(step);
        throughput.start(nanoTime.getAsLong(), step, examplesSeen);
    }

    @Override
    public void committed(StepMetrics metrics) {
        throughput.add(nanoTime.getAsLong(), metrics.step(), metrics.examplesSeen());
        double rate = throughput.imagesPerSecond();
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("step", metrics.step());
        line.put("examples_seen", metrics.examplesSeen());
        line.put("step_loss", finite(metrics.stepLoss()));
        line.put("lr", finite(metrics.lr()));
        line.put("grad_norm", finite(metrics.gradNorm()));
        line.put("data_wait", finite(metrics.dataWait()));
        line.put("images/sec", finite(rate));
        line.put("images/sec/gpu", finite(rate / metrics.workers()));
        if (metrics.skipped()) {
            line.put("skipped", true);
        }
        if (restarts != null) {
            line.put("restart_count", restarts);
        }
        if (metrics.data() != null) {
            line.put("data", metrics.data());
        }
        lines.append(line);
    }

    @Override
    public void validated(long step, double loss) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("step", step);
        line.put("validation_loss", finite(loss));
        lines.append(line);
    }

    private static Double finite(double value) {
        return Double.isFinite(value) ? value : null;
    }

    @Override
    public void close() {
        lines.close();
    }
}

package org.rekindle.coordinator.monitoring;

import java.nio.file.Path;

/**
 * {@code metrics.jsonl}: a line per committed step.
 */
public final class MetricsFile implements StepListener {

    private MetricsFile() {}

    /** Opens the file, creating it where needed. At {@link #started} the lines of later steps are removed, atomically. */
    public static MetricsFile open(Path file) {
        throw new UnsupportedOperationException("being written");
    }
}

package org.rekindle.coordinator.monitoring;

import java.util.Map;

/** How often SLURM has started this job again: {@code SLURM_RESTART_COUNT}, which is not set at the first start. */
final class SlurmRestarts {

    private SlurmRestarts() {}

    static int of(Map<String, String> environment) {
        String count = environment.getOrDefault("SLURM_RESTART_COUNT", "0").strip();
        return count.matches("\\d{1,9}") ? Integer.parseInt(count) : 0;
    }
}

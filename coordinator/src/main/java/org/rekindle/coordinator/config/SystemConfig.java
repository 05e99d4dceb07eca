package org.rekindle.coordinator.config;

/**
 * The section {@code system}.
 *
 * @param gradientAccumulation lanes per worker at the first start, default 1; the number of batches a worker computes per step
 * @param batchSize examples per lane and step
 * @param workers threads that decode images, per GPU; null leaves it to {@code dataset.params.workers}
 * @param distBackend {@code nccl}, {@code gloo} or {@code ring}; null for the default of the machine
 * @param distUrl accepted for the original's sake; the cluster forms through Pekko and needs no rendezvous
 * @param lanes batches per step of the whole run, fixed for its life; null for {@code gradient_accumulation} x workers at the first start
 * @param seed keys every random draw of the run, default 0
 * @param minWorkers fewer workers than these wait for others instead of computing, default 1
 * @param maxWorkers more workers than these wait as spares; null for as many as there are lanes
 * @param maxSkippedSteps steps in a row without finite loss and gradients that take the run back to its newest checkpoint, default 10
 * @param threads threads a worker computes with on the CPU; null for PyTorch's default
 * @param encodeBatchSize examples that the frozen encoders take at once; null for the whole batch where memory allows
 */
public record SystemConfig(
        Integer gradientAccumulation,
        Integer batchSize,
        Integer workers,
        String distBackend,
        String distUrl,
        Integer lanes,
        Long seed,
        Integer minWorkers,
        Integer maxWorkers,
        Integer maxSkippedSteps,
        Integer threads,
        Integer encodeBatchSize) {

    public SystemConfig {
        gradientAccumulation = gradientAccumulation == null ? 1 : gradientAccumulation;
        seed = seed == null ? 0L : seed;
        minWorkers = minWorkers == null ? 1 : minWorkers;
        maxSkippedSteps = maxSkippedSteps == null ? 10 : maxSkippedSteps;
    }
}

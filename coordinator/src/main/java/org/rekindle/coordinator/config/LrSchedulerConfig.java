package org.rekindle.coordinator.config;

/**
 * The section {@code lr_scheduler}.
 *
 * @param scheduler {@code ConstantWithWarmup}, the default, or {@code CosineWithWarmup}
 * @param params what both schedulers take
 */
public record LrSchedulerConfig(String scheduler, Params params) {

    public static final String CONSTANT_WITH_WARMUP = "ConstantWithWarmup";
    public static final String COSINE_WITH_WARMUP = "CosineWithWarmup";

    public LrSchedulerConfig {
        scheduler = scheduler == null ? CONSTANT_WITH_WARMUP : scheduler;
        params = params == null ? new Params(null, null) : params;
    }

    /**
     * @param learningRate the learning rate after the warm-up; a {@link RunConfig} takes
     *     {@code optimizer.params.learning_rate} where it is null
     * @param warmupLength optimizer steps of linear warm-up, default 0
     */
    public record Params(Double learningRate, Long warmupLength) {

        public Params {
            warmupLength = warmupLength == null ? 0L : warmupLength;
        }
    }
}

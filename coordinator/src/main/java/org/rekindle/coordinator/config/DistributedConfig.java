package org.rekindle.coordinator.config;

/**
 * The section {@code distributed}; the original's templates let {@code system} take its values from here.
 *
 * @param distBackend {@code nccl}, between GPUs, or {@code ring}, between CPUs; {@code gloo}, of older configurations, is the ring. Null for
 *     the default of the machine: {@code nccl} where a worker sees a GPU
 * @param distUrl accepted for the original's sake
 * @param gradientDtype {@link #FLOAT32}, the default, or {@link #BFLOAT16}: what sums of gradients travel as between workers
 * @param shardOptimizer whether each worker keeps the optimizer's state of a part of the parameters alone (ZeRO-1); default false
 * @param tls how nodes prove who they are; null where whoever reaches them is believed
 */
public record DistributedConfig(
        String distBackend, String distUrl, String gradientDtype, Boolean shardOptimizer, TlsConfig tls) {

    public static final String FLOAT32 = "float32";
    public static final String BFLOAT16 = "bfloat16";

    public DistributedConfig {
        gradientDtype = gradientDtype == null ? FLOAT32 : gradientDtype;
        shardOptimizer = shardOptimizer != null && shardOptimizer;
        tls = new TlsConfig(null, null, null).equals(tls) ? null : tls;
    }
}

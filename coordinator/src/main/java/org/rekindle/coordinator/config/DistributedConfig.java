package org.rekindle.coordinator.config;

/**
 * The section {@code distributed}; the original's templates let {@code system} take its values from here.
 *
 * @param distBackend {@code nccl}, between GPUs, or {@code ring}, between CPUs; {@code gloo}, of older configurations, is the ring. Null for
 *     the default of the machine: {@code nccl} where a worker sees a GPU
 * @param distUrl accepted for the original's sake
 * @param gradientDtype {@link #FLOAT32}, the default, or {@link #BFLOAT16}: what sums of gradients travel as between workers
 * @param shardOptimizer whether each worker keeps the optimizer's state of a part of the parameters alone (ZeRO-1); default false
 * @param bucketMib MiB of gradients that workers sum at once while the backward pass goes on; default 25, as in PyTorch's DDP
 * @param tls how nodes prove who they are; null where whoever reaches them is believed
 */
public record DistributedConfig(
        String distBackend,
        String distUrl,
        String gradientDtype,
        Boolean shardOptimizer,
        Double bucketMib,
        TlsConfig tls) {

    public static final String FLOAT32 = "float32";
    public static final String BFLOAT16 = "bfloat16";

    public DistributedConfig {
        gradientDtype = gradientDtype == null ? FLOAT32 : gradientDtype;
        shardOptimizer = shardOptimizer != null && shardOptimizer;
        bucketMib = bucketMib == null ? 25 : bucketMib;
        tls = new TlsConfig(null, null, null).equals(tls) ? null : tls;
    }

    /** The same in bytes, a whole number of fp32 values, at least one. */
    public int bucketBytes() {
        long values = Math.round(bucketMib * (1 << 20) / Float.BYTES);
        return (int) Math.max(1, Math.min(values, Integer.MAX_VALUE / Float.BYTES)) * Float.BYTES;
    }
}

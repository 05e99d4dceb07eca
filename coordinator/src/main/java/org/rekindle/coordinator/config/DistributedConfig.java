package org.rekindle.coordinator.config;

/**
 * The section {@code distributed}; the original's templates let {@code system} take its values from here.
 *
 * @param distBackend {@code nccl}, {@code gloo} or {@code ring}; null for the default of the machine
 * @param distUrl accepted for the original's sake
 * @param tls how nodes prove who they are; null where whoever reaches them is believed
 */
public record DistributedConfig(String distBackend, String distUrl, TlsConfig tls) {

    public DistributedConfig {
        tls = new TlsConfig(null, null, null).equals(tls) ? null : tls;
    }
}

package org.rekindle.coordinator.config;

/**
 * The section {@code monitoring}: the HTTP endpoints of every node.
 *
 * @param hostname address that they are bound to, default 127.0.0.1: seen from the node itself
 * @param port of local rank 0, the next ones for the others; default 0: any that is free
 * @param token that who drains the run or asks for a checkpoint must know; null: nobody may
 */
public record MonitoringConfig(String hostname, Integer port, String token) {

    public MonitoringConfig {
        hostname = hostname == null ? "127.0.0.1" : hostname;
        port = port == null ? 0 : port;
    }
}

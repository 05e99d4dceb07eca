package org.rekindle.coordinator.config;

/**
 * The section {@code distributed.tls}: nodes of a run speak TLS with each other, both sides showing a certificate. Paths of PEM files; all
 * three or none.
 *
 * @param certificate of this node, signed by the CA; the nodes of a run share a name, as subject or alternative
 * @param key RSA key of that certificate, PKCS#8 or PKCS#1, without a password
 * @param ca certificate of the CA that signs the nodes'
 */
public record TlsConfig(String certificate, String key, String ca) {}

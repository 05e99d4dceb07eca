package org.rekindle.coordinator.protocol;

/**
 * Marks what may travel between nodes: small records, written as CBOR by Pekko's Jackson serializer (bound in this module's
 * {@code reference.conf}). Tensors never travel this way.
 */
public interface ControlMessage {}

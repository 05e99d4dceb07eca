package org.rekindle.worker.models;

/** Where a model computes: the same operations need other memory there. */
public enum Hardware {
    CPU,
    GPU
}

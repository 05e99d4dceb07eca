package org.rekindle.worker.torchscript;

/** The distribution that a fresh parameter is drawn from. */
public sealed interface Initialization {

    /** Every element has this value. */
    record Constant(float value) implements Initialization {}

    /** Uniform in [-bound, bound). */
    record Uniform(double bound) implements Initialization {}

    /** Normal with mean 0. */
    record Normal(double standardDeviation) implements Initialization {}

    static Initialization zeros() {
        return new Constant(0);
    }

    static Initialization ones() {
        return new Constant(1);
    }

    /**
     * What {@code torch.nn.Linear} and {@code torch.nn.Conv2d} do for weight and bias alike: Kaiming uniform with a = sqrt(5), which is
     * uniform within 1 / sqrt(fan in).
     */
    static Initialization fanIn(long fanIn) {
        return new Uniform(1 / Math.sqrt(fanIn));
    }
}

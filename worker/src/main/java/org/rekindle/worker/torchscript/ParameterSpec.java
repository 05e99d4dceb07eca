package org.rekindle.worker.torchscript;

import ai.djl.ndarray.types.Shape;

/**
 * A parameter before it has a value. Always fp32.
 *
 * @param shape as in the state dict, such as (out, in, height, width) of a convolution
 * @param initialization the distribution that a fresh model draws it from
 */
public record ParameterSpec(Shape shape, Initialization initialization) {

    public static ParameterSpec of(Initialization initialization, long... shape) {
        return new ParameterSpec(new Shape(shape), initialization);
    }
}

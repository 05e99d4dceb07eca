package org.rekindle.worker.torchscript;

import ai.djl.ndarray.types.Shape;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

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

    /** Returns two named parameters in this order, as a weight and its bias. */
    public static Map<String, ParameterSpec> pair(
            String first, ParameterSpec firstSpec, String second, ParameterSpec secondSpec) {
        Map<String, ParameterSpec> pair = new LinkedHashMap<>();
        pair.put(first, firstSpec);
        pair.put(second, secondSpec);
        return Collections.unmodifiableMap(pair);
    }
}

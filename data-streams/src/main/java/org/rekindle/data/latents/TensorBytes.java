package org.rekindle.data.latents;

import java.util.List;

/**
 * A tensor that this module only carries.
 *
 * @param shape its dimensions
 * @param bytes its elements in row-major order, little endian
 */
public record TensorBytes(List<Integer> shape, byte[] bytes) {

    /** Bytes of one entry of the first dimension. */
    public int stride() {
        return bytes.length / shape.get(0);
    }
}

package org.rekindle.worker.pipeline;

import ai.djl.util.Float16Utils;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.rekindle.data.safetensors.DType;

/**
 * One tensor of a safetensors file, where it lies in the mapped file: nothing is copied until it is read.
 *
 * @param name its name in the state dict
 * @param dtype its element type
 * @param shape its dimensions; empty for a scalar
 * @param data its elements in row-major order, little endian, from position 0 to the limit; read-only
 */
public record TensorView(String name, DType dtype, long[] shape, ByteBuffer data) {

    public TensorView {
        data = data.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Number of elements. */
    public long size() {
        return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    /** All elements as floats; exact for fp32, fp16 and bf16, rounded for fp64. */
    public float[] floats() {
        float[] values = new float[Math.toIntExact(size())];
        floats(0, values, values.length);
        return values;
    }

    /**
     * Converts {@code count} elements from element {@code from} on into {@code target[0..count)}.
     *
     * @throws IllegalStateException where the elements are integers
     */
    public void floats(int from, float[] target, int count) {
        switch (dtype) {
            case F32 ->
                data.slice(4 * from, 4 * count)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .asFloatBuffer()
                        .get(target, 0, count);
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    target[i] = Float.intBitsToFloat(data.getShort(2 * (from + i)) << 16);
                }
            }
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    target[i] = Float16Utils.halfToFloat(data.getShort(2 * (from + i)));
                }
            }
            case F64 -> {
                for (int i = 0; i < count; i++) {
                    target[i] = (float) data.getDouble(8 * (from + i));
                }
            }
            default -> throw new IllegalStateException("tensor " + name + " holds " + dtype + ", not floats");
        }
    }
}

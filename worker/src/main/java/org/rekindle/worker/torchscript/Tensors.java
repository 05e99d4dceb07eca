package org.rekindle.worker.torchscript;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.function.Consumer;

/**
 * Tensors from values in the JVM's heap. Use these, never {@code NDManager.create(values)}: that one lays a tensor over a direct buffer,
 * whose memory the garbage collector frees, and a training run makes so little garbage in the heap that it collects every few thousand
 * steps only: hundreds of megabytes. Here the memory is the tensor's own, and goes when the scope closes.
 *
 * <p>All methods throw {@link IllegalArgumentException} when the values are not as many as the shape has elements.
 */
public final class Tensors {

    private Tensors() {}

    /** Returns an uint8 tensor. */
    public static NDArray of(NDManager scope, Shape shape, byte... values) {
        return of(scope, shape, ByteBuffer.wrap(values));
    }

    /** Returns an uint8 tensor of a buffer's remaining values. */
    public static NDArray of(NDManager scope, Shape shape, ByteBuffer values) {
        check(shape, values.remaining());
        return filled(scope, shape, DataType.UINT8, memory -> memory.put(values));
    }

    /** Returns an int64 tensor. */
    public static NDArray of(NDManager scope, Shape shape, long... values) {
        check(shape, values.length);
        return filled(
                scope, shape, DataType.INT64, memory -> memory.asLongBuffer().put(values));
    }

    /** Returns an fp32 tensor. */
    public static NDArray of(NDManager scope, Shape shape, float... values) {
        return of(scope, shape, FloatBuffer.wrap(values));
    }

    /** Returns an fp32 tensor of a buffer's remaining values. */
    public static NDArray of(NDManager scope, Shape shape, FloatBuffer values) {
        check(shape, values.remaining());
        return filled(
                scope, shape, DataType.FLOAT32, memory -> memory.asFloatBuffer().put(values));
    }

    /** Returns an fp64 tensor. */
    public static NDArray of(NDManager scope, Shape shape, double... values) {
        check(shape, values.length);
        return filled(scope, shape, DataType.FLOAT64, memory -> memory.asDoubleBuffer()
                .put(values));
    }

    /** Returns an fp64 tensor of no dimension. */
    public static NDArray scalar(NDManager scope, double value) {
        return of(scope, new Shape(), value);
    }

    /** Returns an fp32 tensor of no dimension. */
    public static NDArray scalar(NDManager scope, float value) {
        return of(scope, new Shape(), value);
    }

    /**
     * Lets an fp32 tensor's elements be written, in row-major order: on a CPU into its own memory, so that nothing is there twice.
     *
     * @param fill gets room for as many values as the tensor has, and fills it
     */
    public static void fill(NDArray target, Consumer<FloatBuffer> fill) {
        Torch.prepare();
        Consumer<ByteBuffer> floats = memory -> {
            FloatBuffer values = memory.asFloatBuffer();
            fill.accept(values);
            check(target.getShape(), values.position());
        };
        if (!target.getDevice().isGpu()) {
            floats.accept(hostMemory(target));
            return;
        }
        try (NDManager scope = target.getManager().newSubManager()) {
            Torch.copy(filled(scope, target.getShape(), DataType.FLOAT32, floats), target);
        }
    }

    /**
     * Returns the values of an fp32 tensor, in row-major order. Use this for tensors that live long, never {@code toFloatArray}: of one on a
     * GPU that makes a copy on the host, which goes only with the tensor's own manager.
     */
    public static float[] floats(NDArray tensor) {
        if (!tensor.getDevice().isGpu()) {
            return tensor.toFloatArray();
        }
        try (NDManager host = Torch.manager(Device.cpu())) {
            NDArray copy = host.create(tensor.getShape());
            Torch.copy(tensor, copy);
            return copy.toFloatArray();
        }
    }

    static void check(Shape shape, long values) {
        if (shape.size() != values) {
            throw new IllegalArgumentException(values + " values for shape " + shape);
        }
    }

    private static NDArray filled(NDManager scope, Shape shape, DataType type, Consumer<ByteBuffer> fill) {
        Torch.prepare();
        if (scope.getDevice().isGpu()) {
            try (NDManager host = Torch.manager(Device.cpu())) {
                NDArray copy = filled(host, shape, type, fill).toDevice(scope.getDevice(), true);
                copy.attach(scope);
                return copy;
            }
        }
        NDArray tensor = scope.create(shape, type);
        if (shape.size() > 0) {
            fill.accept(hostMemory(tensor));
        }
        return tensor;
    }

    /**
     * The memory of a contiguous fp32 tensor, in native byte order, on whichever device: for those who pass its address on, as collectives do.
     * It goes with the tensor. <b>That of a tensor on a GPU is no memory of the host's: the JVM dies when Java reads or writes it</b>; slices
     * and limits touch nothing.
     *
     * @throws IllegalArgumentException when its elements do not lie in row-major order
     */
    public static ByteBuffer memory(NDArray tensor) {
        Torch.prepare();
        return TensorMemory.of(tensor);
    }

    /** The memory of a contiguous tensor on the CPU, in native byte order. */
    private static ByteBuffer hostMemory(NDArray tensor) {
        ByteBuffer memory = tensor.toByteBuffer(true);
        if (!memory.isDirect()) {
            throw new IllegalStateException("DJL gave a copy of the tensor's memory");
        }
        return memory;
    }
}

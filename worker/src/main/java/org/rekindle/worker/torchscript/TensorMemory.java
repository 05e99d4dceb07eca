package org.rekindle.worker.torchscript;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;

/** Where a tensor's elements are, asked of libtorch itself: DJL copies those of a GPU before it shows them. */
final class TensorMemory {

    /**
     * Of libtorch's C interface, {@code torch/csrc/inductor/aoti_torch/c/shim.h}. An {@code AtenTensorHandle} is the address of an {@code
     * at::Tensor}, which is what DJL has for a handle, too. All return 0 where they succeed.
     */
    private interface Shim extends Library {

        /** @param address one element, filled in: of the first element, on the tensor's device */
        int aoti_torch_get_data_ptr(long tensor, long[] address);

        /** @param address one element, filled in: of as many int64 on the host as the tensor has dimensions */
        int aoti_torch_get_strides(long tensor, long[] address);
    }

    private static final Shim SHIM = Native.load(Torch.file("torch_cpu").toString(), Shim.class);

    private TensorMemory() {}

    /** See {@link Tensors#memory}. */
    static ByteBuffer of(NDArray tensor) {
        long handle = ((PtNDArray) tensor).getHandle();
        Shape shape = tensor.getShape();
        long[] address = new long[1];
        require(SHIM.aoti_torch_get_strides(handle, address));
        if (shape.dimension() > 0 && !isRowMajor(shape, new Pointer(address[0]).getLongArray(0, shape.dimension()))) {
            throw new IllegalArgumentException("the elements of a tensor " + shape + " are not in row-major order");
        }
        require(SHIM.aoti_torch_get_data_ptr(handle, address));
        return new Pointer(address[0]).getByteBuffer(0, Math.multiplyExact(shape.size(), Float.BYTES));
    }

    private static boolean isRowMajor(Shape shape, long[] strides) {
        long expected = 1;
        for (int i = strides.length - 1; i >= 0; i--) {
            if (shape.get(i) != 1 && strides[i] != expected) {
                return false;
            }
            expected *= shape.get(i);
        }
        return true;
    }

    private static void require(int error) {
        if (error != 0) {
            throw new IllegalStateException("libtorch does not tell where a tensor is");
        }
    }
}

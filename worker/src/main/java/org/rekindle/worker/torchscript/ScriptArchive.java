package org.rekindle.worker.torchscript;

import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Writes TorchScript archives: the zip files that {@code torch.jit.load} opens. Records are stored, not deflated.
 *
 * <p>Layout: {@code model/version}, {@code byteorder}, {@code constants.pkl}, {@code code/__torch__.py} with the classes,
 * {@code data.pkl} with the tree of instances, {@code data/N} with the bytes of tensor N.
 */
public final class ScriptArchive {

    private static final String ROOT = "model/";

    private ScriptArchive() {}

    /**
     * Writes an archive with weights, complete and independent of Rekindle.
     *
     * @param weights the fp32 values of a parameter by its state-dict name, in row-major order; asked for one after the other
     * @param precision what the weights are rounded to (to nearest, ties to even)
     * @param out is left open
     */
    public static void write(
            ScriptModule root, Function<String, FloatBuffer> weights, ComputeType precision, OutputStream out)
            throws IOException {
        ScriptClasses classes = new ScriptClasses(root);
        List<Tensor> tensors = new ArrayList<>();
        byte[] data = pickle(classes.root(), (pickle, name, spec) -> {
            Shape shape = spec.shape();
            tensor(pickle, precision, tensors.size(), shape.size(), shape.getShape(), rowMajor(shape.getShape()));
            tensors.add(new Tensor(name, shape));
        });
        ZipOutputStream zip = open(classes, data, out);
        for (int i = 0; i < tensors.size(); i++) {
            record(zip, "data/" + i, bytes(tensors.get(i), weights, precision));
        }
        zip.finish();
    }

    /**
     * Writes an archive without weights: all parameters are views of one zero, of the right shape and with strides of 0, so that the
     * archive of the largest model is small and loads at once. {@link TorchModule} gives each its own memory.
     */
    static void writeSkeleton(ScriptModule root, OutputStream out) throws IOException {
        ScriptClasses classes = new ScriptClasses(root);
        byte[] data = pickle(classes.root(), (pickle, name, spec) -> {
            long[] shape = spec.shape().getShape();
            tensor(pickle, ComputeType.FP32, 0, 1, shape, new long[shape.length]);
        });
        ZipOutputStream zip = open(classes, data, out);
        record(zip, "data/0", ByteBuffer.allocate(Float.BYTES));
        zip.finish();
    }

    private record Tensor(String name, Shape shape) {}

    @FunctionalInterface
    private interface ParameterPickle {
        void append(Pickle pickle, String name, ParameterSpec spec);
    }

    private static byte[] pickle(ScriptClasses.Instance root, ParameterPickle parameter) {
        Pickle pickle = new Pickle();
        instance(pickle, "", root, parameter);
        return pickle.finish();
    }

    private static void instance(
            Pickle pickle, String prefix, ScriptClasses.Instance instance, ParameterPickle parameter) {
        pickle.global("__torch__", instance.className()).emptyTuple().newObject();
        pickle.emptyDictionary().mark().string("training").bool(true);
        instance.parameters().forEach((name, spec) -> {
            pickle.string(name);
            parameter.append(pickle, prefix + name, spec);
        });
        instance.children().forEach((name, child) -> {
            pickle.string(name);
            instance(pickle, prefix + name + ".", child, parameter);
        });
        pickle.setItems().build();
    }

    /** {@code torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, backward_hooks)}. */
    private static void tensor(
            Pickle pickle, ComputeType type, int storage, long elements, long[] shape, long[] strides) {
        pickle.global("torch._utils", "_rebuild_tensor_v2").mark();
        pickle.mark().string("storage").global("torch", type.storage());
        pickle.string(Integer.toString(storage))
                .string("cpu")
                .integer(elements)
                .tuple()
                .persistentId();
        pickle.integer(0).integers(shape).integers(strides).bool(false);
        pickle.global("collections", "OrderedDict").emptyTuple().reduce();
        pickle.tuple().reduce();
    }

    private static long[] rowMajor(long[] shape) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= shape[i];
        }
        return strides;
    }

    private static ZipOutputStream open(ScriptClasses classes, byte[] data, OutputStream out) throws IOException {
        ZipOutputStream zip = new ZipOutputStream(out);
        zip.setMethod(ZipOutputStream.STORED);
        record(zip, "version", ascii("3\n"));
        record(zip, "byteorder", ascii("little"));
        record(zip, "constants.pkl", ByteBuffer.wrap(new Pickle().emptyTuple().finish()));
        record(zip, "code/__torch__.py", ascii(classes.code()));
        record(zip, "data.pkl", ByteBuffer.wrap(data));
        return zip;
    }

    private static ByteBuffer ascii(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
    }

    private static void record(ZipOutputStream zip, String name, ByteBuffer bytes) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(bytes.array(), 0, bytes.limit());
        ZipEntry entry = new ZipEntry(ROOT + name);
        entry.setTime(0); // the same model gives the same bytes
        entry.setSize(bytes.limit());
        entry.setCompressedSize(bytes.limit());
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(bytes.array(), 0, bytes.limit());
        zip.closeEntry();
    }

    private static ByteBuffer bytes(Tensor tensor, Function<String, FloatBuffer> weights, ComputeType precision) {
        FloatBuffer values = weights.apply(tensor.name());
        if (values == null || values.remaining() != tensor.shape().size()) {
            throw new IllegalArgumentException("Weights of " + tensor.name() + ": expected " + tensor.shape() + ", got "
                    + (values == null ? "none" : values.remaining() + " values"));
        }
        ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(values.remaining(), precision.bytes()))
                .order(ByteOrder.LITTLE_ENDIAN);
        if (precision == ComputeType.FP32) {
            bytes.asFloatBuffer().put(values);
        } else {
            while (values.hasRemaining()) {
                bytes.putShort(roundToBfloat16(values.get()));
            }
            bytes.rewind();
        }
        return bytes;
    }

    /** The upper half of the float's bits, rounded to nearest, ties to even; NaN stays NaN. */
    static short roundToBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
    }
}

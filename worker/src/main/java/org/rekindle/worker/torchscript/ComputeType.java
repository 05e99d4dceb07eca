package org.rekindle.worker.torchscript;

import java.util.Locale;
import org.rekindle.data.UserException;

/** The type that a model computes in. Its parameters are fp32 all the same, but for exported archives. */
public enum ComputeType {
    FP32(6, "FloatStorage", Float.BYTES),
    BF16(15, "BFloat16Storage", Short.BYTES);

    private final int scalarType;
    private final String storage;
    private final int bytes;

    ComputeType(int scalarType, String storage, int bytes) {
        this.scalarType = scalarType;
        this.storage = storage;
        this.bytes = bytes;
    }

    /**
     * Returns the type of that name.
     *
     * @param name {@code fp32} or {@code bf16}; null for fp32
     * @throws UserException when it is neither
     */
    public static ComputeType of(String name) {
        if (name == null) {
            return FP32;
        }
        for (ComputeType type : values()) {
            if (type.toString().equals(name)) {
                return type;
            }
        }
        throw new UserException("precision=" + name + " is unknown: choose fp32 or bf16");
    }

    /** The number by which TorchScript knows the type, as in {@code x.to(15)}. */
    public int scalarType() {
        return scalarType;
    }

    /** The class of {@code torch} that names the type in a pickle. */
    String storage() {
        return storage;
    }

    /** Bytes per element. */
    public int bytes() {
        return bytes;
    }

    /** The name in configurations: {@code fp32} or {@code bf16}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}

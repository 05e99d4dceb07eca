package org.rekindle.data.safetensors;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Element types of the safetensors format that Rekindle reads and writes, under the format's names. */
public enum DType {
    F64(8),
    F32(4),
    F16(2),
    BF16(2),
    I64(8),
    I32(4),
    I16(2),
    I8(1),
    U8(1),
    BOOL(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes per element. */
    public int bytes() {
        return bytes;
    }

    /** Whether its elements are floating-point numbers. */
    public boolean isFloat() {
        return this == F64 || this == F32 || this == F16 || this == BF16;
    }

    static DType parse(String name) {
        return Arrays.stream(values())
                .filter(type -> type.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(String.format(
                        Locale.ROOT,
                        "dtype \"%s\" is not one of %s",
                        name,
                        Arrays.stream(values()).map(Enum::name).collect(Collectors.joining(", ")))));
    }
}

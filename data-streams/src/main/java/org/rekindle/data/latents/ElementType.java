package org.rekindle.data.latents;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** How the numbers of stored tensors are written; little endian. Narrow types round to the nearest, ties to even. */
public enum ElementType {
    F32(4) {
        @Override
        void put(ByteBuffer bytes, float value) {
            bytes.putFloat(value);
        }

        @Override
        float get(ByteBuffer bytes) {
            return bytes.getFloat();
        }
    },
    /** IEEE 754 binary16. */
    F16(2) {
        @Override
        void put(ByteBuffer bytes, float value) {
            bytes.putShort(half(value));
        }

        @Override
        float get(ByteBuffer bytes) {
            return ofHalf(bytes.getShort());
        }
    },
    /** The upper half of an F32. */
    BF16(2) {
        @Override
        void put(ByteBuffer bytes, float value) {
            int bits = Float.floatToRawIntBits(value);
            boolean number = !Float.isNaN(value);
            bytes.putShort((short) ((number ? bits + 0x7FFF + (bits >>> 16 & 1) : bits | 1 << 22) >>> 16));
        }

        @Override
        float get(ByteBuffer bytes) {
            return Float.intBitsToFloat(bytes.getShort() << 16);
        }
    };

    private final int size;

    ElementType(int size) {
        this.size = size;
    }

    abstract void put(ByteBuffer bytes, float value);

    abstract float get(ByteBuffer bytes);

    /** Bytes of one number. */
    public int size() {
        return size;
    }

    public byte[] bytes(float[] values) {
        ByteBuffer bytes =
                ByteBuffer.allocate(Math.multiplyExact(values.length, size)).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            put(bytes, value);
        }
        return bytes.array();
    }

    public float[] floats(byte[] bytes) {
        ByteBuffer source = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        float[] values = new float[bytes.length / size];
        for (int i = 0; i < values.length; i++) {
            values[i] = get(source);
        }
        return values;
    }

    /** Java 17 has no such conversion. */
    private static short half(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = bits >>> 16 & 0x8000;
        int magnitude = bits & 0x7FFFFFFF;
        if (magnitude > 0x7F800000) {
            return (short) (sign | 0x7E00);
        } else if (magnitude >= 0x477FF000) {
            // From halfway between the largest half and the next power of two on.
            return (short) (sign | 0x7C00);
        } else if (magnitude >= 0x38800000) {
            int rounded = magnitude + 0xFFF + (magnitude >>> 13 & 1);
            return (short) (sign | rounded - 0x38000000 >>> 13);
        }
        // A subnormal half counts in steps of 2^-24, and rint rounds ties to even.
        return (short) (sign | (int) Math.rint(Math.abs(value) * 0x1p24));
    }

    private static float ofHalf(short half) {
        int exponent = half >>> 10 & 0x1F;
        int mantissa = half & 0x3FF;
        float magnitude = exponent == 0
                ? mantissa * 0x1p-24f
                : exponent == 31
                        ? mantissa == 0 ? Float.POSITIVE_INFINITY : Float.NaN
                        : Math.scalb(1 + mantissa * 0x1p-10f, exponent - 15);
        return half < 0 ? -magnitude : magnitude;
    }
}

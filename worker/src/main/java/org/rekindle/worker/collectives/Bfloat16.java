package org.rekindle.worker.collectives;

import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;

/**
 * The upper half of fp32, rounded to nearest, ties to even, as PyTorch rounds. Each sum is taken in fp32 and rounded before it goes
 * on, the last one too, so that all ranks hold the same. Not for several threads.
 */
final class Bfloat16 implements WireFormat {

    private static final int BLOCK = 4096;

    private final int[] bits = new int[BLOCK];
    private final short[] halves = new short[BLOCK];

    @Override
    public int bytesPerValue() {
        return Short.BYTES;
    }

    @Override
    public void add(ByteBuffer received, ByteBuffer values) {
        ShortBuffer from = received.asShortBuffer();
        IntBuffer onto = values.asIntBuffer();
        for (int start = 0; start < onto.limit(); start += BLOCK) {
            int count = Math.min(BLOCK, onto.limit() - start);
            onto.get(start, bits, 0, count);
            from.get(start, halves, 0, count);
            for (int i = 0; i < count; i++) {
                float sum = Float.intBitsToFloat(bits[i]) + Float.intBitsToFloat(halves[i] << Short.SIZE);
                bits[i] = round(Float.floatToRawIntBits(sum)) << Short.SIZE;
            }
            onto.put(start, bits, 0, count);
        }
    }

    /** {@code values[i] = received[i]}. */
    void decode(ByteBuffer received, ByteBuffer values) {
        ShortBuffer from = received.asShortBuffer();
        IntBuffer into = values.asIntBuffer();
        for (int start = 0; start < into.limit(); start += BLOCK) {
            int count = Math.min(BLOCK, into.limit() - start);
            from.get(start, halves, 0, count);
            for (int i = 0; i < count; i++) {
                bits[i] = halves[i] << Short.SIZE;
            }
            into.put(start, bits, 0, count);
        }
    }

    /** {@code wire[i] = values[i]}, rounded. */
    void encode(ByteBuffer values, ByteBuffer wire) {
        IntBuffer from = values.asIntBuffer();
        ShortBuffer into = wire.asShortBuffer();
        for (int start = 0; start < from.limit(); start += BLOCK) {
            int count = Math.min(BLOCK, from.limit() - start);
            from.get(start, bits, 0, count);
            for (int i = 0; i < count; i++) {
                halves[i] = (short) round(bits[i]);
            }
            into.put(start, halves, 0, count);
        }
    }

    /**
     * @param fp32 bits of a value
     * @return its bfloat16 bits in the lower half; a NaN stays one, and what is too large becomes infinite
     */
    static int round(int fp32) {
        int rounded = (fp32 + 0x7fff + (fp32 >>> 16 & 1)) >>> 16;
        int nan = fp32 >>> 16 | 0x40;
        return (fp32 & 0x7fffffff) > 0x7f800000 ? nan : rounded;
    }
}

package org.rekindle.worker.collectives;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;

/** As they lie in memory. Not for several threads. */
final class Float32 implements WireFormat {

    /** Values summed at a time: both arrays stay in the first-level cache. The JIT vectorises loops over arrays, not over buffers. */
    private static final int BLOCK = 4096;

    private final float[] sums = new float[BLOCK];
    private final float[] summands = new float[BLOCK];

    @Override
    public int bytesPerValue() {
        return Float.BYTES;
    }

    @Override
    public void add(ByteBuffer received, ByteBuffer values) {
        FloatBuffer from = received.asFloatBuffer();
        FloatBuffer onto = values.asFloatBuffer();
        for (int start = 0; start < onto.limit(); start += BLOCK) {
            int count = Math.min(BLOCK, onto.limit() - start);
            onto.get(start, sums, 0, count);
            from.get(start, summands, 0, count);
            for (int i = 0; i < count; i++) {
                sums[i] += summands[i];
            }
            onto.put(start, sums, 0, count);
        }
    }
}

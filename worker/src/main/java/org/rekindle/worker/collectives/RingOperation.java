package org.rekindle.worker.collectives;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.CompletableFuture;

/**
 * One call of a collective, as its thread works it off.
 *
 * @param root of a broadcast; {@value #SUM} for a sum
 * @param done whether it succeeded; known when nothing touches the data any more
 */
record RingOperation(BufferVector vector, int root, RingPlan plan, WireFormat format, CompletableFuture<Boolean> done) {

    static final int SUM = -1;

    /** Bytes of what comes before the data, by which a rank sees that its predecessor means the same operation. */
    static final int HEADER_BYTES = 16;

    /** @param number operations that this ring has begun before */
    ByteBuffer header(int number) {
        return ByteBuffer.allocate(HEADER_BYTES)
                .order(ByteOrder.nativeOrder())
                .putInt(number)
                .putInt(root)
                .putLong(vector.bytes())
                .flip();
    }

    /** In words. */
    static String describe(ByteBuffer header) {
        int root = header.getInt(4);
        return "operation " + header.getInt(0) + ", " + (root == SUM ? "the sum" : "a broadcast of rank " + root)
                + " of " + header.getLong(8) + " bytes";
    }
}

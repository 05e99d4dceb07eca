package org.rekindle.worker.collectives;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.CompletableFuture;

/**
 * One call of a collective, as its thread works it off.
 *
 * @param root of a broadcast; {@link #SUM}, {@link #SUM_OF_PARTS} or {@link #GATHERING}
 * @param done whether it succeeded; known when nothing touches the data any more
 */
record RingOperation(BufferVector vector, int root, RingPlan plan, WireFormat format, CompletableFuture<Boolean> done) {

    static final int SUM = -1;
    static final int SUM_OF_PARTS = -2;
    static final int GATHERING = -3;

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
        return "operation " + header.getInt(0) + ", " + kind(header.getInt(4)) + " of " + header.getLong(8) + " bytes";
    }

    private static String kind(int root) {
        return switch (root) {
            case SUM -> "the sum";
            case SUM_OF_PARTS -> "the sum of parts";
            case GATHERING -> "the gathering";
            default -> "a broadcast of rank " + root;
        };
    }
}

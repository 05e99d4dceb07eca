package org.rekindle.worker.training;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.rekindle.worker.collectives.Collective;

/**
 * Gives the training state of one worker to others: weights, moments and averages go round the collective bucket by bucket. Workers that
 * have them already pass them on and keep their own.
 */
final class StateTransfer {

    /** Bytes that go at a time: what a worker that only passes them on needs for it. */
    private static final int BUCKET = 64 << 20;

    private StateTransfer() {}

    /**
     * To be called by all ranks.
     *
     * @param source rank that gives
     * @param takes whether this rank takes; when this throws, what it holds is of no use
     * @throws org.rekindle.worker.collectives.CollectiveAbortedException when a rank is lost meanwhile
     */
    static void run(Collective collective, int source, boolean takes, Optimizer optimizer) {
        ByteBuffer updates = direct(Long.BYTES).putLong(0, optimizer.updates());
        collective.broadcast(source, List.of(updates));
        boolean own = takes || collective.rank() == source;
        ByteBuffer passing = own ? null : direct(BUCKET);
        for (List<ByteBuffer> bucket : buckets(optimizer.stateMemory())) {
            int bytes = bucket.stream().mapToInt(ByteBuffer::remaining).sum();
            collective.broadcast(
                    source, own ? bucket : List.of(passing.slice(0, bytes).order(ByteOrder.nativeOrder())));
        }
        if (takes) {
            optimizer.setUpdates(updates.getLong(0));
        }
    }

    /** Cuts memory into lists of at most {@link #BUCKET} bytes each. */
    static List<List<ByteBuffer>> buckets(List<ByteBuffer> memory) {
        List<List<ByteBuffer>> buckets = new ArrayList<>();
        List<ByteBuffer> bucket = new ArrayList<>();
        int room = BUCKET;
        for (ByteBuffer buffer : memory) {
            for (int from = 0; from < buffer.remaining(); ) {
                int size = Math.min(room, buffer.remaining() - from);
                bucket.add(buffer.slice(buffer.position() + from, size).order(ByteOrder.nativeOrder()));
                from += size;
                room -= size;
                if (room == 0) {
                    buckets.add(bucket);
                    bucket = new ArrayList<>();
                    room = BUCKET;
                }
            }
        }
        if (!bucket.isEmpty()) {
            buckets.add(bucket);
        }
        return buckets;
    }

    private static ByteBuffer direct(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }
}

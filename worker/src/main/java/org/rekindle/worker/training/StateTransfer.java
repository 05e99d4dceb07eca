package org.rekindle.worker.training;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.rekindle.worker.collectives.Collective;
import org.rekindle.worker.torchscript.Tensors;

/**
 * Gives the training state of one worker to others: weights, moments and averages go round the collective bucket by bucket. Workers that
 * have them already pass them on and keep their own.
 */
final class StateTransfer {

    /** Bytes that go at a time: what a worker that only passes them on needs for it, on its device. */
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
        long updates = (long) collective.gather(optimizer.updates())[source];
        boolean own = takes || collective.rank() == source;
        try (NDManager scope = optimizer.scope()) {
            ByteBuffer passing = own ? null : Tensors.memory(scope.create(new Shape(BUCKET / Float.BYTES)));
            for (List<ByteBuffer> bucket : buckets(optimizer.stateMemory())) {
                collective.broadcast(source, own ? bucket : cut(passing, bucket));
            }
        }
        if (takes) {
            optimizer.setUpdates(updates);
        }
    }

    /** Parts of memory as large as those of a bucket: by NCCL each part goes on its own, and all ranks have to cut alike. */
    private static List<ByteBuffer> cut(ByteBuffer memory, List<ByteBuffer> bucket) {
        List<ByteBuffer> parts = new ArrayList<>();
        int from = 0;
        for (ByteBuffer part : bucket) {
            parts.add(memory.slice(from, part.remaining()).order(ByteOrder.nativeOrder()));
            from += part.remaining();
        }
        return parts;
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
}

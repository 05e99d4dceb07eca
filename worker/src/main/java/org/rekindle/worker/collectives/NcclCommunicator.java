package org.rekindle.worker.collectives;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * One communicator of NCCL, from {@link #init} to {@link #destroy} or {@link #abort}. No call of NCCL's blocks: what is in progress is
 * polled, and each poll may end the wait by throwing. Whoever sees one of these methods throw calls {@link #abort}.
 *
 * <p>One thread at a time.
 */
final class NcclCommunicator {

    /** The legacy default stream, PyTorch's own. */
    private static final Pointer STREAM = Pointer.NULL;

    private final NcclLibrary nccl;

    /** Kept as long as the communicator: a thread of NCCL's writes to it while {@link #init} waits, and after it gave up. */
    private final PointerByReference handle = new PointerByReference();

    NcclCommunicator(NcclLibrary nccl) {
        this.nccl = nccl;
    }

    /** Whether there is one: initialized, or on the way. */
    boolean exists() {
        return handle.getValue() != null;
    }

    /**
     * Connects to the others, on the CUDA device that is current.
     *
     * @param id the same on all ranks, used once
     * @param pause called between polls; ends the wait by throwing
     */
    void init(int rank, int worldSize, byte[] id, Runnable pause) {
        int result = nccl.functions()
                .ncclCommInitRankConfig(handle, worldSize, new NcclUniqueId(id), rank, new NcclConfig());
        await("ncclCommInitRankConfig", result, pause);
    }

    /** Puts the sum of fp32 buffers, each in place, on the legacy default stream. */
    void allReduceSum(List<ByteBuffer> data, Runnable pause) {
        enqueue("ncclAllReduce", List.of(data), pause, (memory, bytes, rank) -> nccl.functions()
                .ncclAllReduce(memory, memory, bytes / Float.BYTES, Nccl.FLOAT32, Nccl.SUM, handle.getValue(), STREAM));
    }

    /** Puts the sum of fp32 buffers on the legacy default stream, for one rank each. */
    void reduceSum(List<List<ByteBuffer>> byRank, Runnable pause) {
        enqueue("ncclReduce", byRank, pause, (memory, bytes, rank) -> nccl.functions()
                .ncclReduce(
                        memory, memory, bytes / Float.BYTES, Nccl.FLOAT32, Nccl.SUM, rank, handle.getValue(), STREAM));
    }

    /** Puts the copying of bytes on the legacy default stream, from one rank each. */
    void broadcast(List<List<ByteBuffer>> byRank, Runnable pause) {
        enqueue("ncclBroadcast", byRank, pause, (memory, bytes, rank) -> nccl.functions()
                .ncclBroadcast(memory, memory, bytes, Nccl.UINT8, rank, handle.getValue(), STREAM));
    }

    private interface Call {
        int of(Pointer memory, long bytes, int rank);
    }

    /** As one group: NCCL starts it as a whole, and there is one wait for all. */
    private void enqueue(String function, List<List<ByteBuffer>> byRank, Runnable pause, Call call) {
        require("ncclGroupStart", nccl.functions().ncclGroupStart());
        int result = calls(byRank, call);
        int ended = nccl.functions().ncclGroupEnd(); // a group that failed has to be ended, too
        require(function, result);
        await(function, ended, pause);
    }

    private static int calls(List<List<ByteBuffer>> byRank, Call call) {
        for (int rank = 0; rank < byRank.size(); rank++) {
            for (ByteBuffer buffer : byRank.get(rank)) {
                int result = call.of(Native.getDirectBufferPointer(buffer), buffer.remaining(), rank);
                if (result != Nccl.SUCCESS) {
                    return result;
                }
            }
        }
        return Nccl.SUCCESS;
    }

    /** Throws when the communicator failed since; a call may be in progress. */
    void check(String function) {
        int state = state();
        if (state != Nccl.IN_PROGRESS) {
            require(function, state);
        }
    }

    /** Gives it back when all ranks are done with it. */
    void destroy(Runnable pause) {
        await("ncclCommFinalize", nccl.functions().ncclCommFinalize(handle.getValue()), pause);
        int result = nccl.functions().ncclCommDestroy(handle.getValue());
        handle.setValue(null);
        require("ncclCommDestroy", result);
    }

    /** Gives it back at once, whatever runs. Does nothing where there is none. */
    void abort() {
        if (exists()) {
            nccl.functions().ncclCommAbort(handle.getValue()); // what it returns is of no use: the communicator is gone
            handle.setValue(null);
        }
    }

    private void await(String function, int result, Runnable pause) {
        int state = result;
        while (state == Nccl.IN_PROGRESS) {
            pause.run();
            state = state();
        }
        require(function, state);
    }

    private int state() {
        int[] state = new int[1];
        int result = nccl.functions().ncclCommGetAsyncError(handle.getValue(), state);
        return result == Nccl.SUCCESS ? state[0] : result;
    }

    private void require(String function, int result) {
        if (result != Nccl.SUCCESS) {
            throw nccl.failure(function, result);
        }
    }
}

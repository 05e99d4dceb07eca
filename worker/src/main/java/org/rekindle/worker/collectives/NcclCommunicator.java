package org.rekindle.worker.collectives;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.ToIntFunction;

/**
 * One communicator of NCCL, from {@link #init} to {@link #destroy} or {@link #abort}. No call of NCCL's blocks: what is in progress is
 * polled, and each poll may end the wait by throwing. Whoever sees one of these methods throw calls {@link #abort}.
 *
 * <p>One thread at a time.
 */
final class NcclCommunicator {

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
        enqueue("ncclAllReduce", data, pause, buffer -> {
            Pointer memory = Native.getDirectBufferPointer(buffer);
            long count = buffer.remaining() / Float.BYTES;
            return nccl.functions()
                    .ncclAllReduce(memory, memory, count, Nccl.FLOAT32, Nccl.SUM, handle.getValue(), Pointer.NULL);
        });
    }

    /** Puts the copying of the root's bytes on the legacy default stream. */
    void broadcast(int root, List<ByteBuffer> data, Runnable pause) {
        enqueue("ncclBroadcast", data, pause, buffer -> {
            Pointer memory = Native.getDirectBufferPointer(buffer);
            return nccl.functions()
                    .ncclBroadcast(memory, memory, buffer.remaining(), Nccl.UINT8, root, handle.getValue(), null);
        });
    }

    /** As one group: NCCL starts it as a whole, and there is one wait for all. */
    private void enqueue(String function, List<ByteBuffer> data, Runnable pause, ToIntFunction<ByteBuffer> call) {
        require("ncclGroupStart", nccl.functions().ncclGroupStart());
        int result = Nccl.SUCCESS;
        for (int i = 0; i < data.size() && result == Nccl.SUCCESS; i++) {
            result = call.applyAsInt(data.get(i));
        }
        int ended = nccl.functions().ncclGroupEnd(); // a group that failed has to be ended, too
        require(function, result);
        await(function, ended, pause);
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

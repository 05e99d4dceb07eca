package org.rekindle.worker.collectives;

import com.sun.jna.Library;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;

/**
 * The functions of libnccl that Rekindle calls, under their own names, as {@code nccl.h} of NCCL 2.14 and later declares them. A
 * {@code size_t} is a {@code long}: NCCL is there for 64-bit platforms alone. All but the texts return a {@code ncclResult_t}.
 */
interface Nccl extends Library {

    // ncclResult_t
    int SUCCESS = 0;
    int SYSTEM_ERROR = 2;
    int REMOTE_ERROR = 6;
    int IN_PROGRESS = 7;

    // ncclDataType_t and ncclRedOp_t
    int UINT8 = 1;
    int FLOAT32 = 7;
    int SUM = 0;

    /** @param version one element: 10,000 x major + 100 x minor + patch since 2.9 */
    int ncclGetVersion(int[] version);

    /** @param id {@link NcclUniqueId#BYTES} bytes, filled in */
    int ncclGetUniqueId(byte[] id);

    /** @param comm written at once and, while the call is in progress, once more by a thread of NCCL's */
    int ncclCommInitRankConfig(PointerByReference comm, int ranks, NcclUniqueId id, int rank, NcclConfig config);

    /** @param state one element: how the communicator is, {@link #IN_PROGRESS} while a call is */
    int ncclCommGetAsyncError(Pointer comm, int[] state);

    int ncclGroupStart();

    int ncclGroupEnd();

    int ncclAllReduce(Pointer send, Pointer receive, long count, int type, int operation, Pointer comm, Pointer stream);

    int ncclReduce(
            Pointer send, Pointer receive, long count, int type, int operation, int root, Pointer comm, Pointer stream);

    int ncclBroadcast(Pointer send, Pointer receive, long count, int type, int root, Pointer comm, Pointer stream);

    int ncclCommFinalize(Pointer comm);

    int ncclCommDestroy(Pointer comm);

    int ncclCommAbort(Pointer comm);

    String ncclGetErrorString(int result);

    /** @param comm not looked at by NCCL; null */
    String ncclGetLastError(Pointer comm);
}

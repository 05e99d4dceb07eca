package org.rekindle.worker.collectives;

import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;

/**
 * {@code ncclConfig_t} as NCCL 2.14 declared it. Later ones only add fields: NCCL copies {@link #size} bytes and gives what is newer than
 * {@link #version} its defaults ({@code parseCommConfig} in NCCL's init.cc), so this works with all of them.
 */
@FieldOrder({"size", "magic", "version", "blocking"})
public final class NcclConfig extends Structure {

    /** Bytes, the padding at the end too. */
    public long size;

    /** {@code NCCL_API_MAGIC}. */
    public int magic = 0xcafebeef;

    /** Of the declaration. */
    public int version = NcclLibrary.OLDEST;

    /** 0: calls return at once, and are in progress until {@code ncclCommGetAsyncError} says otherwise. Such a wait can be ended. */
    public int blocking = 0;

    NcclConfig() {
        size = size();
    }
}

package org.rekindle.worker.collectives;

import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;

/** {@code ncclUniqueId}: by what the ranks of one communicator find each other. Passed by value. */
@FieldOrder("internal")
public final class NcclUniqueId extends Structure implements Structure.ByValue {

    /** {@code NCCL_UNIQUE_ID_BYTES}. */
    static final int BYTES = 128;

    /** Named as in {@code nccl.h}; JNA reads it. */
    public byte[] internal = new byte[BYTES];

    NcclUniqueId(byte[] id) {
        System.arraycopy(id, 0, internal, 0, BYTES);
    }
}

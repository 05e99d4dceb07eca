package org.rekindle.worker.collectives;

import java.nio.ByteBuffer;

/** How the values of a sum travel. Buffers are in native order and are used from 0 to their limit. */
sealed interface WireFormat permits Float32, Bfloat16 {

    /** Bytes of one value on the wire. */
    int bytesPerValue();

    /** {@code values[i] += received[i]}; sums are rounded to what the wire can carry. */
    void add(ByteBuffer received, ByteBuffer values);
}

package org.rekindle.worker.collectives;

import java.nio.ByteBuffer;

/** How fp32 values travel, and the arithmetic on what has come. Buffers are in native order and are used from 0 to their limit. */
interface WireFormat {

    /** Bytes of one value on the wire. */
    int bytesPerValue();

    /** Whether values travel as they lie in memory. */
    boolean plain();

    /** {@code values[i] += received[i]}; the sums are such that {@link #encode} loses nothing of them. */
    void add(ByteBuffer received, ByteBuffer values);

    /** {@code values[i] = received[i]}. */
    void decode(ByteBuffer received, ByteBuffer values);

    /** {@code wire[i] = values[i]}, rounded where the format is a narrower one. */
    void encode(ByteBuffer values, ByteBuffer wire);
}

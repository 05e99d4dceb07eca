package org.rekindle.worker.collectives;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a rank tells its predecessor, against the direction of the data. These few bytes never wait behind data, so a failure goes
 * round the ring this way, from the dead rank's predecessor to its successor.
 *
 * @param value rank of a failure, number of an operation that is done, otherwise 0
 */
record ControlMessage(Kind kind, int value) {

    static final int BYTES = 8;

    private static final Logger LOG = LoggerFactory.getLogger(ControlMessage.class);

    enum Kind {
        /** The sender lives. */
        HEARTBEAT,
        /** The sender has received all of an operation. */
        DONE,
        /** The sender leaves, with nothing in flight. */
        GOODBYE,
        /** A rank ended the generation. */
        ABORTED,
        /** A rank is gone. */
        LOST
    }

    static final ControlMessage HEARTBEAT = new ControlMessage(Kind.HEARTBEAT, 0);
    static final ControlMessage GOODBYE = new ControlMessage(Kind.GOODBYE, 0);

    /** Tells the predecessor, if it can still be told: when it is gone, others see that better than the sender does. */
    void writeTo(SocketChannel predecessor) {
        try {
            predecessor.write(ByteBuffer.allocate(BYTES)
                    .order(ByteOrder.nativeOrder())
                    .putInt(kind.ordinal())
                    .putInt(value)
                    .flip());
        } catch (IOException e) {
            LOG.debug("ring: {} did not get through", this, e);
        }
    }

    /** Whether it says that the generation is over. */
    boolean isFailure() {
        return kind == Kind.ABORTED || kind == Kind.LOST;
    }

    static ControlMessage decode(ByteBuffer bytes) {
        return new ControlMessage(Kind.values()[bytes.getInt()], bytes.getInt());
    }
}

package org.rekindle.worker.collectives;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;

/** How far an operation is: a header and the data come from the predecessor, and the same kind of thing goes to the successor. */
final class RingExchange {

    private final RingOperation operation;
    private final Inflow inflow;
    private final Outflow outflow;
    private final ByteBuffer ownHeader;
    private final ByteBuffer headerToSend;
    private final ByteBuffer header =
            ByteBuffer.allocate(RingOperation.HEADER_BYTES).order(ByteOrder.nativeOrder());

    RingExchange(RingOperation operation, int number, ByteBuffer inChunk, ByteBuffer outChunk) {
        this.operation = operation;
        this.inflow = new Inflow(operation.vector(), operation.plan().incoming(), operation.format(), inChunk);
        this.outflow = new Outflow(operation.vector(), operation.plan().outgoing(), operation.format(), outChunk);
        this.ownHeader = operation.header(number);
        this.headerToSend = ownHeader.duplicate();
    }

    RingOperation operation() {
        return operation;
    }

    /** Whether all has come and is where it belongs. */
    boolean received() {
        return !header.hasRemaining() && inflow.complete();
    }

    boolean sent() {
        return !headerToSend.hasRemaining() && outflow.complete();
    }

    /** Whether there is something to send by now. */
    boolean sends() {
        return headerToSend.hasRemaining() || outflow.waiting(ready());
    }

    /**
     * Takes what the predecessor sent, a chunk at most. Not to be called when all is received.
     *
     * @return bytes read, -1 at the end of the stream
     * @throws IllegalStateException when the predecessor is at another operation
     */
    long read(SocketChannel predecessor) throws IOException {
        if (!header.hasRemaining()) {
            return inflow.read(predecessor);
        }
        int read = predecessor.read(header);
        if (!header.hasRemaining() && !header.duplicate().flip().equals(ownHeader)) {
            throw new IllegalStateException("its predecessor is at " + RingOperation.describe(header) + ", it is at "
                    + RingOperation.describe(ownHeader));
        }
        return read;
    }

    /**
     * Sends what the successor takes, a chunk at most. Only to be called when it {@link #sends}.
     *
     * @return bytes written
     */
    long write(SocketChannel successor) throws IOException {
        return headerToSend.hasRemaining() ? successor.write(headerToSend) : outflow.write(successor, ready());
    }

    private long ready() {
        return operation.plan().head() + inflow.received();
    }
}

package org.rekindle.worker.collectives;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.rekindle.data.UserException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread of a ring: it alone touches the sockets and, while an operation runs, the data. It goes on listening between operations,
 * so that a failure goes round the ring whoever computes at the time.
 */
final class RingLoop implements Runnable {

    private static final Logger LOG = LoggerFactory.getLogger(RingLoop.class);

    /** Bytes moved at a time. Smaller ones took more time of the processor for each byte, larger ones no less. */
    private static final int CHUNK = 1 << 20;

    private static final int HEARTBEATS_PER_TIMEOUT = 4;

    /** How long a rank that fails stays for its successor's word, so that no one takes its leaving for the cause. */
    private static final Duration LINGER = Duration.ofMillis(50);

    private final RingPlace place;
    private final Duration timeout;
    private final RingLinks links;
    private final Selector selector;
    private final SocketChannel predecessor;
    private final SocketChannel successor;
    private final SelectionKey dataKey;
    private final SelectionKey successorKey;
    private final ControlReader control;
    private final AtomicReference<RingFailure> failure;

    private final AtomicReference<RingOperation> submitted = new AtomicReference<>();
    private volatile boolean closing;
    private volatile boolean ended;

    private final ByteBuffer inChunk = ByteBuffer.allocateDirect(CHUNK).order(ByteOrder.nativeOrder());
    private final ByteBuffer outChunk = ByteBuffer.allocateDirect(CHUNK).order(ByteOrder.nativeOrder());
    private RingExchange exchange;
    private boolean moved;
    private int begun;
    private int takenBySuccessor;
    private boolean doneTold;
    private boolean successorLeft;
    private long told;

    /**
     * @param peerTimeout silence after which the successor is lost
     * @param failure set by whoever sees one first; {@link Selector#wakeup} is to follow
     */
    RingLoop(RingPlace place, Duration peerTimeout, RingLinks links, AtomicReference<RingFailure> failure) {
        this.place = place;
        this.timeout = peerTimeout;
        this.links = links;
        this.selector = links.selector();
        this.predecessor = links.predecessor();
        this.successor = links.successor();
        this.dataKey = predecessor.keyFor(selector);
        this.successorKey = successor.keyFor(selector);
        this.control = links.control();
        this.failure = failure;
        this.told = System.nanoTime() - timeout.toNanos();
    }

    /** Hands an operation over; the next may follow when it is done. */
    void submit(RingOperation operation) {
        submitted.set(operation);
        selector.wakeup();
        if (ended && submitted.compareAndSet(operation, null)) {
            operation.done().complete(false);
        }
    }

    /** To be followed by the thread's end. */
    void close() {
        closing = true;
        selector.wakeup();
    }

    @Override
    public void run() {
        try {
            while (failure.get() == null && !closing) {
                turn();
            }
        } catch (IOException | RuntimeException e) {
            fail(RingFailure.aborted(place.rank(), e.toString()));
        } finally {
            leave();
        }
    }

    private void turn() throws IOException {
        if (exchange == null) {
            RingOperation next = submitted.getAndSet(null);
            if (next != null) {
                exchange = new RingExchange(next, begun++, inChunk, outChunk);
                doneTold = false;
            }
        }
        dataKey.interestOps(exchange != null && !exchange.received() ? SelectionKey.OP_READ : 0);
        successorKey.interestOps((control.ended() ? 0 : SelectionKey.OP_READ)
                | (exchange != null && exchange.sends() ? SelectionKey.OP_WRITE : 0));
        if (moved) {
            selector.selectNow();
        } else {
            selector.select(Math.max(1, timeout.toMillis() / HEARTBEATS_PER_TIMEOUT));
        }
        moved = false;
        Set<SelectionKey> ready = selector.selectedKeys();
        if (ready.contains(successorKey) && successorKey.isReadable()) {
            hear();
        }
        if (exchange != null && failure.get() == null) {
            exchange(ready.contains(dataKey));
        }
        ready.clear();
        beat();
    }

    private void hear() {
        for (ControlMessage message : control.read()) {
            switch (message.kind()) {
                case HEARTBEAT -> {}
                case DONE -> takenBySuccessor = message.value();
                case GOODBYE -> successorLeft = true;
                case ABORTED, LOST -> fail(RingFailure.told(message, place.successor()));
            }
        }
        if (control.ended() && !successorLeft) {
            fail(RingFailure.lost(place.successor(), "it closed its connection"));
        }
    }

    private void exchange(boolean readable) throws IOException {
        if (readable && !exchange.received()) {
            read();
        }
        if (failure.get() == null && exchange.sends()) {
            write();
        }
        if (exchange.received() && !doneTold) {
            tell(new ControlMessage(ControlMessage.Kind.DONE, begun));
            doneTold = true;
        }
        if (exchange.received() && exchange.sent() && takenBySuccessor == begun) {
            exchange.operation().done().complete(true);
            exchange = null;
        } else if (successorLeft && takenBySuccessor < begun) {
            fail(RingFailure.lost(place.successor(), "it left before the operation was done"));
        }
    }

    private void read() {
        try {
            long read = exchange.read(predecessor);
            if (read < 0) {
                fail(RingFailure.lost(place.predecessor(), "it closed its connection"));
            }
            moved |= read > 0;
        } catch (IllegalStateException e) {
            fail(RingFailure.aborted(place.rank(), e.getMessage()));
        } catch (IOException e) {
            fail(RingFailure.lost(place.predecessor(), UserException.reason(e)));
        }
    }

    private void write() {
        try {
            moved |= exchange.write(successor) > 0;
        } catch (IOException e) {
            // it may have said why before it went
            hear();
            fail(RingFailure.lost(place.successor(), UserException.reason(e)));
        }
    }

    private void beat() {
        long now = System.nanoTime();
        if (now - told >= timeout.toNanos() / HEARTBEATS_PER_TIMEOUT) {
            tell(ControlMessage.HEARTBEAT);
            told = now;
        }
        Duration silence = control.silence();
        if (silence.compareTo(timeout) > 0 && !successorLeft) {
            fail(RingFailure.lost(place.successor(), "it was silent for " + silence.toMillis() + " ms"));
        }
    }

    private void fail(RingFailure seen) {
        failure.compareAndSet(null, seen);
    }

    private void tell(ControlMessage message) {
        message.writeTo(predecessor);
    }

    private void leave() {
        RingFailure closed = RingFailure.aborted(place.rank(), "it closed the collective");
        if (exchange != null) {
            fail(closed);
        }
        RingFailure seen = failure.get();
        tell(seen == null ? ControlMessage.GOODBYE : seen.notice());
        fail(closed);
        ended = true;
        RingOperation late = submitted.getAndSet(null);
        if (late != null) {
            late.done().complete(false);
        }
        if (exchange != null) {
            exchange.operation().done().complete(false);
        }
        try {
            predecessor.shutdownOutput();
            if (seen != null) {
                linger();
            }
        } catch (IOException e) {
            LOG.debug("ring: leaving", e);
        } finally {
            links.close();
        }
    }

    private void linger() throws IOException {
        long until = System.nanoTime() + LINGER.toNanos();
        dataKey.interestOps(0);
        successorKey.interestOps(SelectionKey.OP_READ);
        for (long left = LINGER.toNanos(); !control.ended() && left > 0; left = until - System.nanoTime()) {
            selector.select(Math.max(1, Duration.ofNanos(left).toMillis()));
            selector.selectedKeys().clear();
            control.read();
        }
    }
}

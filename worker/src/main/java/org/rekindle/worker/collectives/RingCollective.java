package org.rekindle.worker.collectives;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.rekindle.data.UserException;

/**
 * A ring of TCP connections: rank r sends data to rank r + 1 and receives them from rank r - 1. Sums are bandwidth-optimal
 * ({@link RingPlan#allReduce}) and each element's is taken in the order of the ranks, so they are the same in each repetition.
 *
 * <p>To be made by anyone and connected before the operations. Each ring has a thread of its own for the sockets,
 * and beyond the callers' vectors two chunks of memory. With one rank there is neither.
 */
public final class RingCollective implements Collective {

    private final long generation;
    private final RingPlace place;
    private final List<InetSocketAddress> peers;
    private final RingListener listener;
    private final RingSettings settings;
    private final AtomicReference<RingFailure> failure = new AtomicReference<>();
    private final WireFormat plain = new Float32();
    private final WireFormat summed;
    private volatile Selector selector;
    private volatile RingLoop loop;
    private volatile Thread thread;

    /**
     * Opens nothing yet.
     *
     * @param peers where each rank's listener is reached, in the order of the ranks; this rank's own place counts too
     * @param listener this worker's
     */
    public RingCollective(
            long generation, int rank, List<InetSocketAddress> peers, RingListener listener, RingSettings settings) {
        if (rank < 0 || rank >= peers.size()) {
            throw new IllegalArgumentException("rank " + rank + " of " + peers.size());
        }
        this.generation = generation;
        this.place = new RingPlace(rank, peers.size());
        this.peers = List.copyOf(peers);
        this.listener = listener;
        this.settings = settings;
        this.summed = settings.bf16() ? new Bfloat16() : plain;
    }

    /**
     * Connects to both neighbours. They may come later, until the time is over.
     *
     * @throws PeerLostException when a neighbour does not come
     * @throws CollectiveAbortedException when this rank, or one further on, aborts
     */
    @Override
    public void connect(Duration timeout) {
        if (worldSize() == 1) {
            return;
        }
        long deadline = System.nanoTime() + timeout.toNanos();
        RingHello awaited = hello(place.predecessor());
        CompletableFuture<SocketChannel> caller = listener.await(awaited);
        try {
            selector = Selector.open();
            caller.whenComplete((channel, error) -> selector.wakeup());
            SocketChannel successor = call(deadline);
            ControlReader control = new ControlReader(successor, timeout);
            SocketChannel predecessor = await(caller, control, deadline);
            predecessor.register(selector, 0);
            start(new RingLinks(selector, predecessor, successor, control));
        } catch (IOException | RuntimeException e) {
            CollectiveAbortedException seen = end(RingFailure.aborted(rank(), UserException.reason(e)));
            caller.thenAccept(channel -> failure.get().notice().writeTo(channel));
            listener.forget(awaited, caller);
            if (selector != null) {
                RingLinks.closeAll(selector);
            }
            throw seen;
        }
    }

    private SocketChannel call(long deadline) throws IOException {
        RingCall call = new RingCall(peers.get(place.successor()), hello(rank()), selector, this::hasFailed, deadline);
        SocketChannel successor = call.connect();
        if (successor == null) {
            throw end(RingFailure.lost(place.successor(), call.lastRefusal()));
        }
        return successor;
    }

    /** Listens to the successor meanwhile, which may tell of a failure. */
    private SocketChannel await(CompletableFuture<SocketChannel> caller, ControlReader control, long deadline)
            throws IOException {
        while (!caller.isDone()) {
            long left = deadline - System.nanoTime();
            if (hasFailed() || left <= 0) {
                throw end(RingFailure.lost(place.predecessor(), "it did not connect"));
            }
            selector.select(Math.max(1, Duration.ofNanos(left).toMillis()));
            selector.selectedKeys().clear();
            for (ControlMessage message : control.read()) {
                if (message.isFailure()) {
                    throw end(RingFailure.told(message, place.successor()));
                }
            }
            if (control.ended()) {
                throw end(RingFailure.lost(place.successor(), "it closed its connection"));
            }
        }
        return caller.join();
    }

    private void start(RingLinks links) {
        RingLoop ring = new RingLoop(place, settings.peerTimeout(), links, failure);
        thread = new Thread(ring, "ring-" + generation + "-" + rank());
        thread.setDaemon(true);
        thread.start();
        loop = ring;
    }

    @Override
    public int rank() {
        return place.rank();
    }

    @Override
    public int worldSize() {
        return place.worldSize();
    }

    @Override
    public void allReduceSum(List<ByteBuffer> data) {
        BufferVector vector = BufferVector.of(data, Float.BYTES);
        RingPlan plan = RingPlan.allReduce(rank(), worldSize(), vector.bytes() / Float.BYTES);
        perform(new RingOperation(vector, RingOperation.SUM, plan, summed, new CompletableFuture<>()));
    }

    @Override
    public void reduceScatter(List<List<ByteBuffer>> parts) {
        BufferVector vector = BufferVector.of(whole(parts), Float.BYTES);
        RingPlan plan = RingPlan.reduceScatter(rank(), starts(parts));
        perform(new RingOperation(vector, RingOperation.SUM_OF_PARTS, plan, summed, new CompletableFuture<>()));
    }

    @Override
    public void allGather(List<List<ByteBuffer>> parts) {
        BufferVector vector = BufferVector.of(whole(parts), 1);
        RingPlan plan = RingPlan.allGather(rank(), starts(parts));
        perform(new RingOperation(vector, RingOperation.GATHERING, plan, plain, new CompletableFuture<>()));
    }

    private static List<ByteBuffer> whole(List<List<ByteBuffer>> parts) {
        return parts.stream().flatMap(List::stream).toList();
    }

    private long[] starts(List<List<ByteBuffer>> parts) {
        if (parts.size() != worldSize()) {
            throw new IllegalArgumentException(parts.size() + " parts for " + worldSize() + " ranks");
        }
        long[] starts = new long[parts.size() + 1];
        for (int rank = 0; rank < parts.size(); rank++) {
            starts[rank + 1] = starts[rank]
                    + parts.get(rank).stream().mapToLong(ByteBuffer::remaining).sum();
        }
        return starts;
    }

    @Override
    public void broadcast(int root, List<ByteBuffer> data) {
        if (root < 0 || root >= worldSize()) {
            throw new IllegalArgumentException("broadcast of rank " + root + " of " + worldSize());
        }
        BufferVector vector = BufferVector.of(data, 1);
        RingPlan plan = RingPlan.broadcast(rank(), worldSize(), root, vector.bytes());
        perform(new RingOperation(vector, root, plan, plain, new CompletableFuture<>()));
    }

    @Override
    public double[] gather(double own) {
        List<ByteBuffer> numbers = Stream.generate(
                        () -> ByteBuffer.allocateDirect(Double.BYTES).order(ByteOrder.nativeOrder()))
                .limit(worldSize())
                .toList();
        numbers.get(rank()).putDouble(0, own);
        allGather(numbers.stream().map(List::of).toList());
        return numbers.stream().mapToDouble(number -> number.getDouble(0)).toArray();
    }

    @Override
    public void abort() {
        end(RingFailure.aborted(rank(), "abort was called"));
    }

    @Override
    public void close() {
        RingLoop ring = loop;
        if (ring == null) {
            end(RingFailure.aborted(rank(), "it closed the collective"));
            return;
        }
        ring.close();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Throws as an operation would when the ring has come to its end. Any thread may ask, also while an operation runs.
     *
     * @throws CollectiveAbortedException when a rank is lost or aborted
     */
    void check() {
        RingFailure seen = failure.get();
        if (seen != null) {
            throw seen.exception(generation);
        }
    }

    private void perform(RingOperation operation) {
        check();
        if (worldSize() == 1) {
            return;
        } else if (loop == null) {
            throw new IllegalStateException("the ring of generation " + generation + " is not connected");
        }
        loop.submit(operation);
        if (!finished(operation)) {
            throw failure.get().exception(generation);
        }
    }

    /** Waits, interrupted or not: the data must not be given back while the ring's thread may touch them. */
    private boolean finished(RingOperation operation) {
        boolean interrupted = false;
        while (true) {
            try {
                boolean finished = operation.done().get();
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
                return finished;
            } catch (InterruptedException e) {
                interrupted = true;
                end(RingFailure.aborted(rank(), "its thread was interrupted"));
            } catch (ExecutionException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private RingHello hello(int rank) {
        return new RingHello(listener.run(), generation, rank, worldSize(), settings.secret(), settings.bf16());
    }

    private boolean hasFailed() {
        if (Thread.currentThread().isInterrupted()) {
            end(RingFailure.aborted(rank(), "its thread was interrupted"));
        }
        return failure.get() != null;
    }

    /** The first failure counts. */
    private CollectiveAbortedException end(RingFailure seen) {
        failure.compareAndSet(null, seen);
        Selector waiting = selector;
        if (waiting != null) {
            waiting.wakeup();
        }
        return failure.get().exception(generation);
    }
}

package org.rekindle.worker.collectives;

import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.rekindle.data.UserException;
import org.rekindle.worker.torchscript.CudaDriver;

/**
 * Sums and broadcasts between GPUs by NCCL, beside the ring of the same generation.
 *
 * <p><b>Data.</b> The buffers' addresses are addresses on this worker's device. That is what DJL's {@code torchDirectByteBuffer} gives for
 * a tensor on a GPU; such a buffer is cut and passed on like any other, but the JVM dies when Java reads or writes it. An operation comes
 * after all that is on the legacy default stream, PyTorch's own, and returns when the device is done. Parts of ranks are of any size, so
 * they are reduced to, and broadcast by, one rank after the other, in one group of NCCL's. Each buffer of a list is an operation of its own,
 * so all ranks have to cut their vectors alike; that they do, and call the same operations, NCCL does not check.
 *
 * <p><b>Id.</b> Rank 0 asks NCCL for the {@code ncclUniqueId} of the generation and broadcasts its 128 bytes over the ring, whose
 * workers know each other by the assignment's secret; so no message of the cluster's carries it, and no id is used twice.
 *
 * <p><b>Failures.</b> The ring carries them: its heartbeats see a rank that died while NCCL waits for it, and an abort reaches all ranks
 * over it. Whoever waits for NCCL looks at the ring at every poll, gives the communicator back by {@code ncclCommAbort} and throws what the
 * ring says. What NCCL itself reports aborts the ring.
 *
 * <p>To be made by anyone and connected by the thread that will call the operations.
 */
public final class NcclCollective implements Collective {

    private static final long POLL_NANOS = 100_000;

    /** How long ranks that are done with a generation wait for each other. */
    private static final Duration FAREWELL = Duration.ofSeconds(10);

    private final RingCollective ring;
    private final NcclLibrary nccl;
    private final CudaDriver device;
    private final NcclCommunicator communicator;

    /** Held by whoever calls NCCL. */
    private final ReentrantLock calling = new ReentrantLock();

    /**
     * Opens nothing yet.
     *
     * @param ring not connected; this collective's from here on
     */
    NcclCollective(RingCollective ring, NcclLibrary nccl, CudaDriver device) {
        this.ring = ring;
        this.nccl = nccl;
        this.device = device;
        this.communicator = new NcclCommunicator(nccl);
    }

    /**
     * Uses the libraries of this machine.
     *
     * @param ring not connected; this collective's from here on
     * @throws UserException when libnccl or NVIDIA's driver is not there
     */
    public static NcclCollective over(RingCollective ring) {
        return new NcclCollective(ring, NcclLibrary.load(System.getenv()), CudaDriver.ofThisMachine());
    }

    /**
     * Looks whether the libraries of this machine are there.
     *
     * @throws UserException when libnccl or NVIDIA's driver is not
     */
    public static void requireLibraries() {
        CudaDriver.ofThisMachine();
        NcclLibrary.load(System.getenv());
    }

    /**
     * Connects the ring, then NCCL.
     *
     * @param timeout for each of the two
     * @throws PeerLostException when a rank is gone, or does not come in time
     * @throws CollectiveAbortedException when a rank aborted
     * @throws UserException when NCCL does not start, with its own words
     */
    @Override
    public void connect(Duration timeout) {
        calling.lock();
        try {
            ring.connect(timeout);
            if (worldSize() > 1) {
                orAbort(() -> {
                    ByteBuffer id =
                            ByteBuffer.allocateDirect(NcclUniqueId.BYTES).order(ByteOrder.nativeOrder());
                    if (rank() == 0) {
                        id.put(nccl.uniqueId()).flip();
                    }
                    ring.broadcast(0, List.of(id));
                    byte[] bytes = new byte[NcclUniqueId.BYTES];
                    id.get(bytes);
                    communicator.init(rank(), worldSize(), bytes, pause(timeout, "connecting by NCCL"));
                });
            }
        } finally {
            calling.unlock();
        }
    }

    @Override
    public int rank() {
        return ring.rank();
    }

    @Override
    public int worldSize() {
        return ring.worldSize();
    }

    @Override
    public void allReduceSum(List<ByteBuffer> data) {
        List<ByteBuffer> parts = BufferVector.of(data, Float.BYTES).parts();
        perform("ncclAllReduce", () -> communicator.allReduceSum(parts, this::pause));
    }

    @Override
    public void reduceScatter(List<List<ByteBuffer>> parts) {
        List<List<ByteBuffer>> byRank = byRank(parts, Float.BYTES);
        perform("ncclReduce", () -> communicator.reduceSum(byRank, this::pause));
    }

    @Override
    public void allGather(List<List<ByteBuffer>> parts) {
        List<List<ByteBuffer>> byRank = byRank(parts, 1);
        perform("ncclBroadcast", () -> communicator.broadcast(byRank, this::pause));
    }

    @Override
    public void broadcast(int root, List<ByteBuffer> data) {
        if (root < 0 || root >= worldSize()) {
            throw new IllegalArgumentException("broadcast of rank " + root + " of " + worldSize());
        }
        List<List<ByteBuffer>> parts = new ArrayList<>(Collections.nCopies(worldSize(), List.of()));
        parts.set(root, data);
        allGather(parts);
    }

    /** Over the ring. */
    @Override
    public double[] gather(double own) {
        calling.lock();
        try {
            return ring.gather(own);
        } finally {
            calling.unlock();
        }
    }

    private List<List<ByteBuffer>> byRank(List<List<ByteBuffer>> parts, int multiple) {
        if (parts.size() != worldSize()) {
            throw new IllegalArgumentException(parts.size() + " parts for " + worldSize() + " ranks");
        }
        return parts.stream()
                .map(part -> BufferVector.of(part, multiple).parts())
                .toList();
    }

    /** Returns at once; the thread that waits for NCCL, or the next that calls it, gives the communicator back. */
    @Override
    public void abort() {
        ring.abort();
    }

    @Override
    public void close() {
        if (!calling.tryLock()) {
            ring.abort();
            calling.lock();
        }
        try {
            if (communicator.exists()) {
                ring.check();
                communicator.destroy(pause(FAREWELL, "taking leave of the others"));
            }
        } catch (CollectiveAbortedException | UserException e) {
            ring.abort(); // some rank may wait in NCCL still
            communicator.abort();
        } finally {
            ring.close();
            calling.unlock();
        }
    }

    private void perform(String function, Runnable enqueue) {
        calling.lock();
        try {
            ring.check();
            if (worldSize() == 1) {
                return;
            } else if (!communicator.exists()) {
                throw new IllegalStateException("NCCL is not connected");
            }
            orAbort(() -> {
                enqueue.run();
                awaitDevice(function);
            });
        } finally {
            calling.unlock();
        }
    }

    private void awaitDevice(String function) {
        int result = device.cuStreamQuery(Pointer.NULL);
        while (result == CudaDriver.NOT_READY) {
            pause();
            communicator.check(function);
            result = device.cuStreamQuery(Pointer.NULL);
        }
        if (result != CudaDriver.SUCCESS) {
            throw new UserException(
                    function + ": the GPU failed with CUDA's error " + result + ", " + CudaDriver.text(device, result));
        }
    }

    /** Ends the generation when the work throws, and waits until the device has let go of the data. */
    private void orAbort(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            ring.abort();
            communicator.abort();
            while (device.cuStreamQuery(Pointer.NULL) == CudaDriver.NOT_READY) {
                LockSupport.parkNanos(POLL_NANOS);
            }
            throw e;
        }
    }

    private void pause() {
        if (Thread.currentThread().isInterrupted()) {
            ring.abort();
        }
        ring.check();
        LockSupport.parkNanos(POLL_NANOS);
    }

    private Runnable pause(Duration timeout, String what) {
        long deadline = System.nanoTime() + timeout.toNanos();
        return () -> {
            pause();
            if (System.nanoTime() - deadline > 0) {
                throw new PeerLostException(-1, what + " took longer than " + timeout.toSeconds() + " s");
            }
        };
    }
}

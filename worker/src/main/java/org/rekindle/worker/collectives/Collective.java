package org.rekindle.worker.collectives;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;

/**
 * What the workers of one generation compute together. A generation's members do not change: when one is lost, all calls fail on all
 * ranks, and the next generation makes a collective of its own.
 *
 * <p>Data are direct buffers in native byte order, from position to limit; a list of them counts as one vector, whatever its parts.
 * All ranks call the same operations in the same order with vectors of the same size; that they do is checked. When an operation
 * throws, what its buffers hold is undefined, and nothing touches them any more.
 *
 * <p>One thread at a time calls the operations; {@link #abort} and {@link #close} may come from any thread.
 */
public interface Collective extends AutoCloseable {

    /** This worker's place, from 0. */
    int rank();

    /** How many workers there are. */
    int worldSize();

    /**
     * Connects to the others, before the first operation. They may come later, until the time is over.
     *
     * @throws PeerLostException when a rank is gone, or does not come in time
     * @throws CollectiveAbortedException when a rank aborted
     */
    void connect(Duration timeout);

    /**
     * Replaces fp32 data by their sum over all ranks, which is the same on all ranks to the bit.
     *
     * @throws PeerLostException when a rank is gone
     * @throws CollectiveAbortedException when a rank aborted
     */
    void allReduceSum(List<ByteBuffer> data);

    /**
     * Sums fp32 data over all ranks, and gives each rank the sum of its part; what the other parts hold afterwards is of no use.
     *
     * @param parts of one vector, by the rank that gets them; may be empty
     * @throws PeerLostException when a rank is gone
     * @throws CollectiveAbortedException when a rank aborted
     */
    void reduceScatter(List<List<ByteBuffer>> parts);

    /**
     * Replaces each part by that of the rank it belongs to, bit for bit.
     *
     * @param parts of one vector, by the rank that gives them; may be empty
     * @throws PeerLostException when a rank is gone
     * @throws CollectiveAbortedException when a rank aborted
     */
    void allGather(List<List<ByteBuffer>> parts);

    /**
     * Replaces the bytes of all ranks by those of {@code root}.
     *
     * @throws PeerLostException when a rank is gone
     * @throws CollectiveAbortedException when a rank aborted
     */
    void broadcast(int root, List<ByteBuffer> data);

    /**
     * Tells all ranks a number of each. It is the host's, wherever the data of the other operations are.
     *
     * @return the numbers in the order of the ranks, the same on all ranks
     * @throws PeerLostException when a rank is gone
     * @throws CollectiveAbortedException when a rank aborted
     */
    double[] gather(double own);

    /** Ends the generation for all: a call that runs or follows, on any rank, throws {@link CollectiveAbortedException}. */
    void abort();

    /** Gives everything back; an operation that still runs is aborted. */
    @Override
    void close();
}

package org.rekindle.worker.training;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import org.rekindle.coordinator.membership.HostPort;
import org.rekindle.worker.collectives.Collective;
import org.rekindle.worker.collectives.RingCollective;
import org.rekindle.worker.collectives.RingListener;
import org.rekindle.worker.collectives.RingSettings;

/**
 * A worker's place in the rings of one generation after the other. The training thread joins; any thread may abort, which ends a wait of
 * the training thread.
 */
final class WorkerRing implements AutoCloseable {

    private static final Duration CONNECT = Duration.ofSeconds(30);

    private final RingListener listener;
    private final RingSettings settings;
    private final Function<RingCollective, Collective> backend;
    private Collective current;
    private long aborted = -1;

    /**
     * @param listener null for a worker that is alone
     * @param backend makes what sums of the ring of a generation; neither is connected
     */
    WorkerRing(RingListener listener, RingSettings settings, Function<RingCollective, Collective> backend) {
        this.listener = listener;
        this.settings = settings;
        this.backend = backend;
    }

    /** Where the others reach this worker; empty for one that is alone. */
    String address() {
        if (listener == null) {
            return "";
        }
        InetSocketAddress address = listener.address();
        return address.getAddress().getHostAddress() + ":" + address.getPort();
    }

    /**
     * Connects the ring of a generation, and what sums over it.
     *
     * @param secret by which its workers know each other
     * @return null where the generation has one worker, or this one is alone
     * @throws org.rekindle.worker.collectives.CollectiveAbortedException when a neighbour does not come, or the generation is over
     */
    Collective join(long generation, int rank, List<String> peers, long secret) {
        closeRing();
        if (listener == null || peers.size() == 1) {
            return null;
        }
        List<InetSocketAddress> addresses = peers.stream().map(HostPort::parse).toList();
        Collective collective =
                backend.apply(new RingCollective(generation, rank, addresses, listener, settings.with(secret)));
        synchronized (this) {
            current = collective;
            if (aborted >= generation) {
                collective.abort();
            }
        }
        collective.connect(CONNECT);
        return collective;
    }

    /** Whether a generation is over. */
    synchronized boolean isOver(long generation) {
        return aborted >= generation;
    }

    /** A generation is over. */
    synchronized void abort(long generation) {
        aborted = Math.max(aborted, generation);
        if (current != null) {
            current.abort();
        }
    }

    private void closeRing() {
        Collective old;
        synchronized (this) {
            old = current;
            current = null;
        }
        if (old != null) {
            old.close();
        }
    }

    @Override
    public void close() {
        closeRing();
        if (listener != null) {
            listener.close();
        }
    }
}

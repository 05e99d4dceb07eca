package org.rekindle.worker.training;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.rekindle.worker.collectives.Collective;

/**
 * Sums the gradients of one step over the workers while the backward pass goes on, as PyTorch's DDP does (Li et al. 2020,
 * arXiv:2006.15704): those that are final go in buckets to a thread that sums one bucket after the other. Buckets depend on the sizes of
 * the parameters and on their order alone, so all ranks call the same operations.
 *
 * <p>One thread calls all methods. From the first bucket until {@link #await} or {@link #close} returns, the collective's operations are the
 * other thread's, and so are the gradients that were handed over; afterwards that thread is gone.
 */
final class OverlappedSum implements AutoCloseable {

    private final Collective collective;
    private final Map<String, List<ByteBuffer>> pending;
    private final int bucketBytes;
    private final ExecutorService thread;
    private final List<Future<?>> sums = new ArrayList<>();
    private List<ByteBuffer> bucket = new ArrayList<>();
    private int filled;

    /**
     * @param gradients fp32, by segment, in the order in which segments are done
     * @param bucketBytes at most so many are summed at once, a multiple of 4; a gradient that is larger is cut
     */
    OverlappedSum(Collective collective, Map<String, List<ByteBuffer>> gradients, int bucketBytes) {
        this.collective = collective;
        this.pending = new LinkedHashMap<>(gradients);
        this.bucketBytes = bucketBytes;
        this.thread = Executors.newSingleThreadExecutor(work -> {
            Thread made = new Thread(work, "all-reduce-" + collective.rank());
            made.setDaemon(true);
            return made;
        });
    }

    /**
     * The gradients of a segment's parameters are final.
     *
     * @throws org.rekindle.worker.collectives.CollectiveAbortedException when a sum has failed meanwhile
     */
    void done(String segment) {
        sums.stream().filter(Future::isDone).forEach(this::result);
        pending.remove(segment).forEach(this::add);
    }

    private void add(ByteBuffer gradient) {
        int from = gradient.position();
        while (from < gradient.limit()) {
            int length = Math.min(gradient.limit() - from, bucketBytes - filled);
            bucket.add(gradient.slice(from, length).order(gradient.order()));
            from += length;
            filled += length;
            if (filled == bucketBytes) {
                handOver();
            }
        }
    }

    private void handOver() {
        List<ByteBuffer> full = bucket;
        sums.add(thread.submit(() -> collective.allReduceSum(full)));
        bucket = new ArrayList<>();
        filled = 0;
    }

    /**
     * Hands over what is left, be that all of it, and waits for the sums.
     *
     * @throws org.rekindle.worker.collectives.CollectiveAbortedException when a sum fails
     */
    void await() {
        pending.values().forEach(gradients -> gradients.forEach(this::add));
        pending.clear();
        if (filled > 0) {
            handOver();
        }
        sums.forEach(this::result);
    }

    /** Waits, interrupted or not: the gradients are the other thread's. An interrupt ends the generation, as it does in its operations. */
    private void result(Future<?> sum) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    sum.get();
                    return;
                } catch (InterruptedException e) {
                    interrupted = true;
                    collective.abort();
                } catch (ExecutionException e) {
                    throw e.getCause() instanceof RuntimeException cause
                            ? cause
                            : new IllegalStateException(e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Sums that are not done are aborted, with the generation: the step has failed on this rank. */
    @Override
    public void close() {
        if (!sums.stream().allMatch(Future::isDone)) {
            collective.abort();
        }
        thread.shutdown();
        boolean interrupted = false;
        while (true) {
            try {
                if (thread.awaitTermination(1, TimeUnit.DAYS)) {
                    break;
                }
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}

package org.rekindle.worker.collectives;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Workers of one run as threads of this process, each with its listener. */
public final class Ranks implements AutoCloseable {

    public static final Duration PATIENCE = Duration.ofSeconds(20);

    private final List<RingListener> listeners = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    public Ranks(int worldSize) {
        for (int rank = 0; rank < worldSize; rank++) {
            listeners.add(RingListener.bind("127.0.0.1", 0, "run"));
        }
    }

    public interface Work<T> {
        T of(RingCollective ring) throws Exception;
    }

    RingListener listener(int rank) {
        return listeners.get(rank);
    }

    List<InetSocketAddress> peers() {
        return listeners.stream().map(RingListener::address).toList();
    }

    public RingCollective ring(long generation, int rank, RingSettings settings) {
        return new RingCollective(generation, rank, peers(), listeners.get(rank), settings);
    }

    /** All ranks connect, work and close. */
    public <T> List<T> all(long generation, RingSettings settings, Work<T> work) throws Exception {
        List<Future<T>> futures = new ArrayList<>();
        for (int rank = 0; rank < listeners.size(); rank++) {
            RingCollective ring = ring(generation, rank, settings);
            futures.add(start(() -> {
                try (ring) {
                    ring.connect(PATIENCE);
                    return work.of(ring);
                }
            }));
        }
        return results(futures);
    }

    <T> Future<T> start(Callable<T> work) {
        return threads.submit(work);
    }

    static <T> List<T> results(List<Future<T>> futures) throws InterruptedException, TimeoutException {
        List<T> results = new ArrayList<>();
        for (Future<T> future : futures) {
            try {
                results.add(future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS));
            } catch (ExecutionException e) {
                throw new IllegalStateException(e.getCause());
            }
        }
        return results;
    }

    public static ByteBuffer direct(float... values) {
        ByteBuffer buffer = direct(values.length * Float.BYTES);
        buffer.asFloatBuffer().put(values);
        return buffer;
    }

    static ByteBuffer direct(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    /** Cuts a vector in buffers of these sizes, over and over; a size of 0 makes an empty buffer. */
    static List<ByteBuffer> cut(float[] values, List<Integer> sizes) {
        List<ByteBuffer> parts = new ArrayList<>();
        for (int start = 0, i = 0; start < values.length; i++) {
            int size = Math.min(values.length - start, sizes.get(i % sizes.size()));
            ByteBuffer part = direct(size * Float.BYTES);
            part.asFloatBuffer().put(values, start, size);
            parts.add(part);
            start += size;
        }
        return parts;
    }

    public static float[] values(List<ByteBuffer> parts) {
        float[] values =
                new float[parts.stream().mapToInt(ByteBuffer::remaining).sum() / Float.BYTES];
        int start = 0;
        for (ByteBuffer part : parts) {
            int size = part.remaining() / Float.BYTES;
            part.asFloatBuffer().get(values, start, size);
            start += size;
        }
        return values;
    }

    @Override
    public void close() throws InterruptedException {
        threads.shutdownNow();
        threads.awaitTermination(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        listeners.forEach(RingListener::close);
    }
}

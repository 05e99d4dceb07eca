package org.rekindle.worker.collectives;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;

/**
 * {@code bench ring}: the all-reduce of a vector over loopback, beside plain copies of vectors of that size through sockets. The ranks
 * are threads of this process, as are the ends of the sockets.
 */
public final class RingBenchmark implements AutoCloseable {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final int WARM_UP = 3;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final List<ByteBuffer> vectors;
    private final List<RingCollective> rings = new ArrayList<>();
    private final List<SocketChannel> outs = new ArrayList<>();
    private final List<SocketChannel> ins = new ArrayList<>();

    /**
     * What was measured, medians of repetitions that take turns. A GB is 10^9 bytes.
     *
     * @param bytes of the vector
     * @param gigabytesPerSecond size of the vector by the time of its all-reduce ("algorithm bandwidth")
     * @param linkGigabytesPerSecond what each of the ring's links carries, 2 (W - 1) / W of that ("bus bandwidth")
     * @param socketGigabytesPerSecond one plain copy, one thread writing and one reading
     * @param busySocketGigabytesPerSecond what each carries when as many plain copies run at once as the ring has links
     */
    public record Result(
            int worldSize,
            long bytes,
            double gigabytesPerSecond,
            double linkGigabytesPerSecond,
            double socketGigabytesPerSecond,
            double busySocketGigabytesPerSecond) {}

    private RingBenchmark(int worldSize, int bytes) {
        this.vectors = IntStream.range(0, worldSize)
                .mapToObj(rank -> ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder()))
                .toList();
    }

    /**
     * @param worldSize at least 2
     * @param bytes of the vector, a multiple of 4
     * @throws CollectiveAbortedException when the ring breaks
     */
    public static Result run(int worldSize, int bytes, int repetitions, boolean bf16) throws IOException {
        try (RingBenchmark benchmark = new RingBenchmark(worldSize, bytes)) {
            benchmark.open(bf16);
            double[] ring = new double[repetitions];
            double[] socket = new double[repetitions];
            double[] busySocket = new double[repetitions];
            for (int i = -WARM_UP; i < repetitions; i++) {
                int slot = Math.max(i, 0);
                ring[slot] = benchmark.seconds(worldSize, benchmark::allReduce);
                socket[slot] = benchmark.seconds(2, benchmark::copy);
                busySocket[slot] = benchmark.seconds(2 * worldSize, benchmark::copy);
            }
            double rate = bytes / 1e9 / median(ring);
            return new Result(
                    worldSize,
                    bytes,
                    rate,
                    rate * 2 * (worldSize - 1) / worldSize,
                    bytes / 1e9 / median(socket),
                    bytes / 1e9 / median(busySocket));
        }
    }

    private void open(boolean bf16) throws IOException {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        List<RingListener> listeners = new ArrayList<>();
        for (int rank = 0; rank < vectors.size(); rank++) {
            listeners.add(opened(RingListener.bind(loopback.getHostAddress(), 0, "bench ring")));
            try (ServerSocketChannel server = ServerSocketChannel.open().bind(new InetSocketAddress(loopback, 0))) {
                outs.add(opened(SocketChannel.open(server.getLocalAddress())));
                ins.add(opened(server.accept()));
            }
        }
        List<InetSocketAddress> peers =
                listeners.stream().map(RingListener::address).toList();
        RingSettings settings = new RingSettings(TIMEOUT, 0, bf16);
        for (int rank = 0; rank < vectors.size(); rank++) {
            rings.add(opened(new RingCollective(0, rank, peers, listeners.get(rank), settings)));
        }
        seconds(vectors.size(), rank -> rings.get(rank).connect(TIMEOUT));
    }

    private <T extends AutoCloseable> T opened(T resource) {
        opened.add(0, resource);
        return resource;
    }

    private void allReduce(int rank) {
        rings.get(rank).allReduceSum(List.of(vectors.get(rank)));
    }

    /** @param end even of the writer of a copy, odd of its reader */
    private void copy(int end) {
        int link = end / 2;
        ByteBuffer vector = vectors.get((link + end % 2) % vectors.size()).duplicate();
        try {
            while (vector.hasRemaining()) {
                if (end % 2 == 0) {
                    outs.get(link).write(vector);
                } else {
                    ins.get(link).read(vector);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private interface Part {
        void of(int number);
    }

    /** Until the last part is done. */
    private double seconds(int parts, Part part) {
        long start = System.nanoTime();
        CompletableFuture.allOf(IntStream.range(0, parts)
                        .mapToObj(number -> CompletableFuture.runAsync(() -> part.of(number), threads))
                        .toArray(CompletableFuture[]::new))
                .join();
        return (System.nanoTime() - start) / 1e9;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    @Override
    public void close() {
        opened.forEach(RingLinks::close);
        threads.shutdown();
    }
}

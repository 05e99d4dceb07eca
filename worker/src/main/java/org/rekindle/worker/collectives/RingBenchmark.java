package org.rekindle.worker.collectives;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;

/**
 * {@code bench ring}: the all-reduce of one vector over loopback, its ranks being threads of this process, and a plain copy of the same
 * vector through a socket.
 */
public final class RingBenchmark {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final int WARM_UP = 3;

    private RingBenchmark() {}

    /**
     * What was measured, each the median of the repetitions, which take turns. A GB is 10^9 bytes.
     *
     * @param bytes of the vector
     * @param gigabytesPerSecond of the vector: its size by the time of an all-reduce ("algorithm bandwidth")
     * @param linkGigabytesPerSecond what each link carries: 2 (W - 1) / W of that ("bus bandwidth")
     * @param socketGigabytesPerSecond of one vector that one thread writes to a socket and another reads
     */
    public record Result(
            int worldSize,
            long bytes,
            double gigabytesPerSecond,
            double linkGigabytesPerSecond,
            double socketGigabytesPerSecond) {}

    /**
     * @param worldSize at least 2
     * @param bytes of the vector, a multiple of 4
     * @throws CollectiveAbortedException when the ring breaks
     */
    public static Result run(int worldSize, int bytes, int repetitions, boolean bf16) throws IOException {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        List<ByteBuffer> vectors = IntStream.range(0, worldSize)
                .mapToObj(rank -> ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder()))
                .toList();
        ExecutorService threads = Executors.newFixedThreadPool(worldSize);
        List<AutoCloseable> opened = new ArrayList<>();
        try (ServerSocketChannel server = ServerSocketChannel.open().bind(new InetSocketAddress(loopback, 0));
                SocketChannel out = SocketChannel.open(server.getLocalAddress());
                SocketChannel in = server.accept()) {
            List<RingListener> listeners = IntStream.range(0, worldSize)
                    .mapToObj(rank -> RingListener.bind(loopback.getHostAddress(), 0, "bench ring"))
                    .toList();
            opened.addAll(listeners);
            List<InetSocketAddress> peers =
                    listeners.stream().map(RingListener::address).toList();
            RingSettings settings = new RingSettings(TIMEOUT, bf16);
            List<RingCollective> rings = IntStream.range(0, worldSize)
                    .mapToObj(rank -> new RingCollective(0, rank, peers, listeners.get(rank), settings))
                    .toList();
            opened.addAll(0, rings);
            all(threads, worldSize, rank -> rings.get(rank).connect(TIMEOUT));
            double[] ringSeconds = new double[repetitions];
            double[] socketSeconds = new double[repetitions];
            for (int i = -WARM_UP; i < repetitions; i++) {
                double ring = all(threads, worldSize, rank -> rings.get(rank).allReduceSum(List.of(vectors.get(rank))));
                double socket = all(threads, 2, end -> {
                    ByteBuffer vector = vectors.get(end).duplicate();
                    while (vector.hasRemaining()) {
                        if (end == 0) {
                            out.write(vector);
                        } else {
                            in.read(vector);
                        }
                    }
                });
                if (i >= 0) {
                    ringSeconds[i] = ring;
                    socketSeconds[i] = socket;
                }
            }
            double rate = bytes / 1e9 / median(ringSeconds);
            return new Result(
                    worldSize,
                    bytes,
                    rate,
                    rate * 2 * (worldSize - 1) / worldSize,
                    bytes / 1e9 / median(socketSeconds));
        } finally {
            opened.forEach(RingLinks::close);
            threads.shutdown();
        }
    }

    private interface Part {
        void of(int number) throws IOException;
    }

    /** @return seconds until the last part is done */
    private static double all(ExecutorService threads, int parts, Part part) {
        long start = System.nanoTime();
        CompletableFuture.allOf(IntStream.range(0, parts)
                        .mapToObj(number -> CompletableFuture.runAsync(
                                () -> {
                                    try {
                                        part.of(number);
                                    } catch (IOException e) {
                                        throw new java.io.UncheckedIOException(e);
                                    }
                                },
                                threads))
                        .toArray(CompletableFuture[]::new))
                .join();
        return (System.nanoTime() - start) / 1e9;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        java.util.Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}

package org.rekindle.worker.training;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.rekindle.data.UserException;
import org.rekindle.worker.collectives.Backend;
import org.rekindle.worker.collectives.Collective;
import org.rekindle.worker.collectives.CollectiveAbortedException;
import org.rekindle.worker.collectives.RingCollective;
import org.rekindle.worker.collectives.RingListener;
import org.rekindle.worker.collectives.RingSettings;
import org.rekindle.worker.torchscript.CudaDriver;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.Torch;

/**
 * {@code bench nccl}: the all-reduce of a vector between GPUs of this machine, as training calls it, the wait for the device included. The
 * ranks are threads of this process. It has not run on a GPU; tests run it with a fake of NCCL.
 */
public final class NcclBenchmark {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final int WARM_UP = 5;

    private NcclBenchmark() {}

    /**
     * What was measured, by the rank that was last in each repetition. A GB is 10^9 bytes.
     *
     * @param bytes of the vector
     * @param gigabytesPerSecond size of the vector by the time of its all-reduce ("algorithm bandwidth")
     * @param busGigabytesPerSecond 2 (W - 1) / W of that: what each link carries, as nccl-tests has it ("bus bandwidth")
     */
    public record Result(int worldSize, long bytes, Spread gigabytesPerSecond, Spread busGigabytesPerSecond) {}

    /**
     * @param workers one for each GPU; null for all GPUs that are seen
     * @param bytes of the vector, a multiple of 4
     * @throws UserException when there are not as many GPUs, or no NCCL
     */
    public static Result run(Integer workers, int bytes, int repetitions) {
        Torch.Build torch = Torch.build();
        RequiredDevice.requireNccl(torch);
        int worldSize = workers == null ? torch.gpus() : workers;
        if (worldSize < 2 || worldSize > torch.gpus()) {
            throw new UserException("bench nccl: workers=" + worldSize + ", and GPUs to be seen are " + torch.gpus()
                    + "; expected are at least 2, and a GPU for each");
        }
        return run(worldSize, bytes, repetitions, Backend.NCCL::over, NcclBenchmark::gpu);
    }

    /** The calling thread works on this GPU from now on. */
    private static NDManager gpu(int rank) {
        NDManager manager = Torch.manager(Device.gpu(rank));
        CudaDriver.use(CudaDriver.ofThisMachine(), rank);
        return manager;
    }

    /** @param device called by the thread of each rank */
    static Result run(
            int worldSize,
            int bytes,
            int repetitions,
            Function<RingCollective, Collective> backend,
            IntFunction<NDManager> device) {
        ExecutorService threads = Executors.newFixedThreadPool(worldSize);
        List<RingListener> listeners = IntStream.range(0, worldSize)
                .mapToObj(rank -> RingListener.bind("127.0.0.1", 0, "bench nccl"))
                .toList();
        List<InetSocketAddress> peers =
                listeners.stream().map(RingListener::address).toList();
        try {
            List<Future<double[]>> ranks = new ArrayList<>();
            for (int rank = 0; rank < worldSize; rank++) {
                int its = rank;
                ranks.add(threads.submit(() -> {
                    try (NDManager manager = device.apply(its);
                            Collective collective = backend.apply(
                                    new RingCollective(0, its, peers, listeners.get(its), RingSettings.DEFAULT))) {
                        return seconds(collective, manager.zeros(new Shape(bytes / Float.BYTES)), repetitions);
                    }
                }));
            }
            double[] rates = Arrays.stream(results(ranks).get(0))
                    .map(seconds -> bytes / 1e9 / seconds)
                    .toArray();
            double links = 2.0 * (worldSize - 1) / worldSize;
            return new Result(
                    worldSize,
                    bytes,
                    Spread.of(rates),
                    Spread.of(Arrays.stream(rates).map(rate -> rate * links).toArray()));
        } finally {
            threads.shutdown();
            listeners.forEach(RingListener::close);
        }
    }

    private static double[] seconds(Collective collective, NDArray vector, int repetitions) {
        collective.connect(TIMEOUT);
        List<ByteBuffer> data = List.of(Tensors.memory(vector));
        double[] seconds = new double[repetitions];
        collective.gather(0); // all are there
        for (int i = -WARM_UP; i < repetitions; i++) {
            long start = System.nanoTime();
            collective.allReduceSum(data);
            double own = (System.nanoTime() - start) / 1e9;
            seconds[Math.max(i, 0)] =
                    Arrays.stream(collective.gather(own)).max().getAsDouble();
        }
        return seconds;
    }

    /** What one rank says of itself goes before what the others hear of it. */
    private static List<double[]> results(List<Future<double[]>> ranks) {
        List<double[]> results = new ArrayList<>();
        RuntimeException failure = null;
        for (Future<double[]> rank : ranks) {
            try {
                results.add(rank.get());
            } catch (ExecutionException e) {
                RuntimeException seen =
                        e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e);
                failure = failure == null || failure instanceof CollectiveAbortedException ? seen : failure;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(e);
            }
        }
        if (failure != null) {
            throw failure;
        }
        return results;
    }
}

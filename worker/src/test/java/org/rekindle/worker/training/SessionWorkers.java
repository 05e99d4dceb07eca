package org.rekindle.worker.training;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.worker.collectives.Collective;
import org.rekindle.worker.collectives.RingCollective;
import org.rekindle.worker.collectives.RingListener;
import org.rekindle.worker.collectives.RingSettings;
import org.rekindle.worker.training.TrainingSession.StepResult;

/** Workers of one run without cluster and data: each has its session, its ring and its thread, as in a process of its own. */
final class SessionWorkers implements AutoCloseable {

    private static final long PATIENCE = 40; // seconds

    private final List<ExecutorService> threads = new ArrayList<>();
    private final List<RingListener> listeners = new ArrayList<>();
    private final List<WorkerRing> rings = new ArrayList<>();
    private final List<ModelSession> sessions = new ArrayList<>();

    /** @param backend what they sum by */
    SessionWorkers(int count, RunConfig config, Checkpoint start, Function<RingCollective, Collective> backend) {
        for (int rank = 0; rank < count; rank++) {
            threads.add(Executors.newSingleThreadExecutor());
            listeners.add(RingListener.bind("127.0.0.1", 0, "run"));
            rings.add(new WorkerRing(listeners.get(rank), RingSettings.DEFAULT, backend));
            sessions.add(
                    on(rank, () -> ModelSession.open(config, start, line -> {})).join());
        }
    }

    /** The first so many form a generation; one that joins takes the state of rank 0. */
    void form(long generation, int count, int joiner) {
        List<String> peers =
                listeners.stream().limit(count).map(SessionWorkers::address).toList();
        each(count, rank -> {
            Collective collective = rings.get(rank).join(generation, rank, peers, 1);
            sessions.get(rank).reduceOver(collective);
            if (joiner >= 0) {
                sessions.get(rank).transfer(collective, 0, rank == joiner);
            }
        });
    }

    void form(long generation, int count) {
        form(generation, count, -1);
    }

    private static String address(RingListener listener) {
        return "127.0.0.1:" + listener.address().getPort();
    }

    /** The first so many compute the gradients of a step, one lane each of as many. */
    List<StepResult> compute(long step, int count) {
        return results(count, rank -> compute(step, count, rank));
    }

    /** What one of so many comes to; it waits for the others. */
    CompletableFuture<StepResult> computing(long step, int count, int rank) {
        return on(rank, () -> compute(step, count, rank));
    }

    private StepResult compute(long step, int count, int rank) {
        return sessions.get(rank).computeGradients(step, List.of(TinyRun.batch(step, rank)), count);
    }

    /** The same, applied. */
    List<StepResult> step(long step, int count) {
        List<StepResult> results = compute(step, count);
        each(count, rank -> sessions.get(rank).apply(step));
        return results;
    }

    void discard(int count) {
        each(count, rank -> sessions.get(rank).discard());
    }

    /** A generation is over, as one of its workers hears. */
    void abort(long generation, int rank) {
        rings.get(rank).abort(generation);
    }

    /** The state of a worker that keeps all of it. */
    HostSnapshot snapshot(int rank) {
        return on(rank, () -> (HostSnapshot) sessions.get(rank).snapshot()).join();
    }

    /** The state of so many, gathered by the first. */
    HostSnapshot gathered(int count) {
        return (HostSnapshot) results(count, rank -> {
                    if (rank == 0) {
                        return sessions.get(0).snapshot();
                    }
                    sessions.get(rank).contribute();
                    return null;
                })
                .get(0);
    }

    private void each(int count, IntConsumer work) {
        results(count, rank -> {
            work.accept(rank);
            return null;
        });
    }

    private <T> List<T> results(int count, IntFunction<T> work) {
        List<CompletableFuture<T>> futures = IntStream.range(0, count)
                .mapToObj(rank -> on(rank, () -> work.apply(rank)))
                .toList();
        List<T> results = new ArrayList<>();
        futures.forEach(future -> results.add(future.join()));
        return results;
    }

    private <T> CompletableFuture<T> on(int rank, Supplier<T> work) {
        return CompletableFuture.supplyAsync(work, threads.get(rank)).orTimeout(PATIENCE, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        each(threads.size(), rank -> {
            rings.get(rank).close();
            if (rank < sessions.size()) {
                sessions.get(rank).close();
            }
        });
        threads.forEach(ExecutorService::shutdown);
    }
}

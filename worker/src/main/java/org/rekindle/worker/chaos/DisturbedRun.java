package org.rekindle.worker.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.rekindle.data.UserException;
import org.rekindle.worker.launch.WorkerPlace;
import org.rekindle.worker.launch.WorkerProcess;

/**
 * A run whose workers are processes that something happens to. A thread of its own watches the ledger, so that no pause between two steps
 * goes unseen.
 */
final class DisturbedRun implements AutoCloseable {

    /** No step for so long is a hang. */
    static final long HANG_SECONDS = 30;

    private static final long END_SECONDS = 60;
    private static final long LOOK_MILLIS = 10;

    private final WorkerPlace first;
    private final List<String> options;
    private final List<String> command;
    private final Path logs;
    private final RunProgress progress;
    private final Map<Integer, WorkerProcess> workers = new TreeMap<>();
    private final Map<Integer, Long> since = new TreeMap<>(); // generation when a worker was started
    private final List<String> problems = new ArrayList<>();
    private final Thread watch = new Thread(this::watch, "watch");
    private long stepAt = System.nanoTime();
    private long longestPause; // nanoseconds
    private boolean begun;

    /**
     * @param first place of worker 0
     * @param options of the workers' JVMs
     * @param command main class of a worker and its arguments
     * @param run its folder
     * @param logs folder of what the workers print
     */
    DisturbedRun(WorkerPlace first, List<String> options, List<String> command, Path run, Path logs) {
        this.first = first;
        this.options = options;
        this.command = command;
        this.logs = logs;
        this.progress = new RunProgress(run);
        watch.setDaemon(true);
        watch.start();
    }

    private void watch() {
        try {
            while (true) {
                look();
                Thread.sleep(LOOK_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void look() {
        long before = progress.committed();
        progress.look();
        long now = System.nanoTime();
        begun |= progress.committed() > 0;
        longestPause = begun ? Math.max(longestPause, now - stepAt) : 0;
        if (progress.committed() != before) {
            stepAt = now;
        }
    }

    /** Starts a worker, or another one in the place of one that is gone. */
    synchronized void start(int rank) {
        Path log = logs.resolve("worker-" + rank + ".log");
        since.put(rank, progress.generation());
        workers.put(rank, WorkerProcess.start(first.next(rank), options, command, line -> append(log, line)));
    }

    private static void append(Path log, String line) {
        try {
            Files.writeString(log, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UserException(log + ": cannot be written (" + UserException.reason(e) + ")", e);
        }
    }

    synchronized WorkerProcess worker(int rank) {
        return workers.get(rank);
    }

    synchronized int workers() {
        return workers.size();
    }

    synchronized long committed() {
        return progress.committed();
    }

    synchronized long generation() {
        return progress.generation();
    }

    synchronized long skipped() {
        return progress.skipped();
    }

    synchronized int coordinator() {
        return progress.coordinator();
    }

    /** Workers that the newest generation knows, since they were started last. */
    synchronized List<Integer> members() {
        return workers.keySet().stream()
                .filter(rank -> progress.members().contains(rank)
                        && progress.generation() > since.get(rank)
                        && workers.get(rank).isAlive())
                .toList();
    }

    /** One of several members, so that others are left. */
    int oneOfMembers(Random random) throws InterruptedException {
        await("two workers in one generation", () -> members().size() > 1);
        List<Integer> members = members();
        return members.get(random.nextInt(members.size()));
    }

    /**
     * Waits, as long as steps are committed.
     *
     * @throws UserException when none is for {@link #HANG_SECONDS}, or all workers have ended
     */
    void await(String what, BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            synchronized (this) {
                if (System.nanoTime() - stepAt > HANG_SECONDS * 1_000_000_000L && begun) {
                    throw new UserException("chaos: no step was committed for " + HANG_SECONDS + " s after step "
                            + progress.committed() + ", waiting for " + what + "; see " + logs);
                }
                if (workers.values().stream().noneMatch(WorkerProcess::isAlive)) {
                    throw new UserException("chaos: all workers ended before " + what + "; see " + logs);
                }
            }
            Thread.sleep(LOOK_MILLIS);
        }
    }

    /** Waits for the end of a worker, which is to have this exit code. */
    void expectEnd(int rank, int code) throws InterruptedException {
        expectEnd(rank, code, END_SECONDS);
    }

    void expectEnd(int rank, int code, long seconds) throws InterruptedException {
        WorkerProcess worker = worker(rank);
        if (!worker.endsWithin(seconds)) {
            worker.kill();
            check(false, "worker " + rank + " did not end within " + seconds + " s");
        } else {
            int actual = worker.await();
            check(actual == code, "worker " + rank + " ended with exit code " + actual + ", expected " + code);
        }
    }

    synchronized void check(boolean holds, String problem) {
        if (!holds) {
            problems.add(problem + " (step " + progress.committed() + ")");
        }
    }

    synchronized List<String> problems() {
        return List.copyOf(problems);
    }

    /** The longest time without a committed step since the last call; in seconds. */
    synchronized double longestPause() {
        double seconds = longestPause / 1e9;
        longestPause = 0;
        return seconds;
    }

    /** Ends whatever is left of it. */
    @Override
    public void close() throws InterruptedException {
        watch.interrupt();
        watch.join();
        for (WorkerProcess worker : workers.values()) {
            worker.kill();
        }
    }
}

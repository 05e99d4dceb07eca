package org.rekindle.worker.launch;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * Starts the workers of one machine and waits for them. One that dies is not missed as long as others go on with the run; it is started
 * again where that is asked for.
 */
public final class Launcher {

    private static final int MAX_DEATHS = 5;
    private static final Duration WITHIN = Duration.ofMinutes(1);
    private static final long PAUSE_MILLIS = 1000;

    private final WorkerPlace first;
    private final List<String> command;
    private final boolean respawn;
    private final Consumer<String> out;
    private final List<WorkerProcess> workers = new ArrayList<>();
    private int newest; // exit code of whoever ended last
    private int firstFailure;

    /**
     * @param first place of the first worker; the others follow
     * @param command main class of a worker and its arguments
     * @param respawn whether one that dies is started again
     * @param out told what the workers print, each line after its rank
     */
    public Launcher(WorkerPlace first, int count, List<String> command, boolean respawn, Consumer<String> out) {
        this.first = first;
        this.command = command;
        this.respawn = respawn;
        this.out = out;
        for (int i = 0; i < count; i++) {
            workers.add(start(i));
        }
    }

    private WorkerProcess start(int local) {
        WorkerPlace place = first.next(local);
        String prefix = local == 0 ? "" : "[" + place.rank() + "] ";
        return WorkerProcess.start(place, List.of(), command, line -> say(prefix + line));
    }

    private synchronized void say(String line) {
        out.accept(line);
    }

    /** Sends a signal to all that are alive. */
    public synchronized void signal(String name) {
        for (WorkerProcess worker : workers) {
            try {
                worker.signal(name);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Waits until all have ended.
     *
     * @return 0 where the last of them ended well, as the run then did; otherwise the code of the first that failed
     */
    public int await() {
        List<CompletableFuture<Void>> ends = new ArrayList<>();
        for (int i = 0; i < workers.size(); i++) {
            int local = i;
            ends.add(CompletableFuture.runAsync(
                    () -> watch(local), task -> new Thread(task, "worker " + local).start()));
        }
        ends.forEach(CompletableFuture::join);
        return newest == 0 ? 0 : firstFailure;
    }

    private void watch(int local) {
        Deque<Instant> deaths = new ArrayDeque<>();
        try {
            while (true) {
                WorkerProcess worker = worker(local);
                int code = worker.await();
                ended(code);
                if (code == 0) {
                    return;
                }
                say("worker " + worker.rank() + " ended with exit code " + code);
                deaths.addLast(Instant.now());
                if (deaths.size() == MAX_DEATHS
                        && deaths.removeFirst().isAfter(Instant.now().minus(WITHIN))) {
                    say("worker " + worker.rank() + " is not started again: it died " + MAX_DEATHS + " times within "
                            + WITHIN.toSeconds() + " s");
                    return;
                }
                if (!respawn) {
                    return;
                }
                Thread.sleep(PAUSE_MILLIS);
                restart(local);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized WorkerProcess worker(int local) {
        return workers.get(local);
    }

    private synchronized void restart(int local) {
        workers.set(local, start(local));
    }

    private synchronized void ended(int code) {
        newest = code;
        firstFailure = firstFailure == 0 ? code : firstFailure;
    }
}

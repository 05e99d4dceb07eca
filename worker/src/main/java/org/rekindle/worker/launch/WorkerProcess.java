package org.rekindle.worker.launch;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.rekindle.data.UserException;

/**
 * A worker as a process: a child of this one with the same Java, options and class path, which ends with this one, whatever that ends by.
 */
public final class WorkerProcess {

    private static final String LAUNCHER = "REKINDLE_LAUNCHER";

    private final int rank;
    private final Process process;
    private final CompletableFuture<Void> read = new CompletableFuture<>();

    private WorkerProcess(int rank, Process process) {
        this.rank = rank;
        this.process = process;
    }

    /**
     * @param options more options of the JVM
     * @param command main class and its arguments
     * @param lines told each line that it prints, one at a time, on a thread of the process
     */
    public static WorkerProcess start(
            WorkerPlace place, List<String> options, List<String> command, Consumer<String> lines) {
        List<String> whole = new ArrayList<>();
        whole.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> !option.startsWith("-agent") && !option.startsWith("-javaagent"))
                .forEach(whole::add);
        whole.addAll(options);
        whole.addAll(List.of("-Drekindle.terminal=false", "-cp", System.getProperty("java.class.path")));
        whole.addAll(command);
        ProcessBuilder builder = new ProcessBuilder(whole).redirectErrorStream(true);
        builder.environment().putAll(place.environment());
        builder.environment()
                .put(LAUNCHER, Long.toString(ProcessHandle.current().pid()));
        try {
            WorkerProcess worker = new WorkerProcess(place.rank(), builder.start());
            Thread reader = new Thread(() -> worker.read(lines), "output of worker " + place.rank());
            reader.setDaemon(true);
            reader.start();
            return worker;
        } catch (IOException e) {
            throw new UserException(
                    "worker " + place.rank() + " cannot be started (" + UserException.reason(e) + ")", e);
        }
    }

    private void read(Consumer<String> lines) {
        try (BufferedReader reader = process.inputReader()) {
            reader.lines().forEach(lines);
        } catch (IOException | RuntimeException e) {
            lines.accept("the output of worker " + rank + " is lost: " + e.getMessage());
        } finally {
            read.complete(null);
        }
    }

    /** Ends this process as soon as the launcher that started it is gone. Nothing happens in one that no launcher started. */
    public static void endWithLauncher() {
        String launcher = System.getenv(LAUNCHER);
        if (launcher != null) {
            ProcessHandle.of(Long.parseLong(launcher))
                    .map(ProcessHandle::onExit)
                    .orElseGet(() -> CompletableFuture.completedFuture(null))
                    .thenRun(() -> Runtime.getRuntime().halt(1));
        }
    }

    public int rank() {
        return rank;
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** Waits for the end, and for all that was printed. */
    public int await() throws InterruptedException {
        int code = process.waitFor();
        read.join();
        return code;
    }

    /** As {@link #await}, for so many seconds. */
    public boolean endsWithin(long seconds) throws InterruptedException {
        return process.waitFor(seconds, TimeUnit.SECONDS);
    }

    /** {@code kill -9}; waits until it is gone. */
    public void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** @param name of a signal, such as {@code TERM}; one that is gone gets none */
    public void signal(String name) throws InterruptedException {
        run("kill", "-" + name, Long.toString(process.pid()));
    }

    /** Lets it write no file beyond so many bytes, as on a full disk; Linux alone. */
    public void limitFiles(long bytes) throws InterruptedException {
        if (run("prlimit", "--pid", Long.toString(process.pid()), "--fsize=" + bytes) != 0) {
            throw new UserException("prlimit failed: a full disk can be played on Linux alone, with util-linux");
        }
    }

    private static int run(String... command) throws InterruptedException {
        try {
            return new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
        } catch (IOException e) {
            throw new UserException(command[0] + " cannot be run (" + UserException.reason(e) + ")", e);
        }
    }
}

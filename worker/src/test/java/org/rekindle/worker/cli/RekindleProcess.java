package org.rekindle.worker.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The command line as a user starts it, in a process of its own. */
public final class RekindleProcess {

    /** How tests start the classes under test. Processes that live for seconds gain nothing from the optimizing compiler. */
    static final List<String> COMMAND = List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx1g",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            Rekindle.class.getName());

    private static final long TIMEOUT_SECONDS = 180;

    private final Process process;
    private final Path output;

    private RekindleProcess(Process process, Path output) {
        this.process = process;
        this.output = output;
    }

    /** Starts a command in a folder; its output goes to a file there. */
    public static RekindleProcess start(Path folder, String... arguments) throws IOException {
        return start(folder, List.of(), arguments);
    }

    /** As {@link #start}, with more in its environment. */
    public static RekindleProcess startWith(Map<String, String> environment, Path folder, String... arguments)
            throws IOException {
        return start(folder, variables(environment), arguments);
    }

    /** As {@link #start}, but no file may grow beyond so many blocks of 1024 bytes, which fails writers as a full disk does. */
    static RekindleProcess startWithFileLimit(Path folder, int blocks, String... arguments) throws IOException {
        return startWithFileLimit(Map.of(), folder, blocks, arguments);
    }

    static RekindleProcess startWithFileLimit(
            Map<String, String> environment, Path folder, int blocks, String... arguments) throws IOException {
        List<String> prefix = variables(environment);
        prefix.addAll(List.of("bash", "-c", "ulimit -f " + blocks + "; exec \"$@\"", "limited"));
        return start(folder, prefix, arguments);
    }

    /** As {@link #start}, with so many blocks of 1024 bytes of address space, beyond which no memory is to be had. */
    static RekindleProcess startWithAddressSpace(Path folder, int blocks, String... arguments) throws IOException {
        return start(folder, List.of("bash", "-c", "ulimit -v " + blocks + "; exec \"$@\"", "limited"), arguments);
    }

    private static List<String> variables(Map<String, String> environment) {
        List<String> prefix = new ArrayList<>(List.of("env"));
        environment.forEach((name, value) -> prefix.add(name + "=" + value));
        return prefix;
    }

    /** As {@link #start}, as one of several workers, the way torchrun tells them. */
    static RekindleProcess startAsWorker(Path folder, int rank, int workers, String... arguments) throws IOException {
        return start(folder, List.of("env", "RANK=" + rank, "WORLD_SIZE=" + workers), arguments);
    }

    private static RekindleProcess start(Path folder, List<String> prefix, String... arguments) throws IOException {
        Path output = Files.createTempFile(folder, "output", ".txt");
        List<String> command = new ArrayList<>(prefix);
        command.addAll(COMMAND);
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        return new RekindleProcess(process, output);
    }

    /** Waits for the end and returns the exit code. */
    public int await() throws InterruptedException, IOException {
        if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
            throw new AssertionError("did not end in " + TIMEOUT_SECONDS + " s:\n" + output());
        }
        return process.exitValue();
    }

    /** Waits for the end and fails with the output unless the exit code is 0. */
    public void awaitSuccess() throws InterruptedException, IOException {
        int code = await();
        if (code != 0) {
            throw new AssertionError("exit code " + code + ":\n" + output());
        }
    }

    /** What a process is waited for. */
    interface Condition {
        boolean holds() throws IOException;
    }

    /** Waits until a file has so many lines. */
    void awaitLines(Path file, int lines) throws IOException, InterruptedException {
        await(
                file + " has " + lines + " lines",
                () -> Files.exists(file) && Files.readString(file).lines().count() >= lines);
    }

    void awaitFile(Path file) throws IOException, InterruptedException {
        await(file + " exists", () -> Files.exists(file));
    }

    void await(String what, Condition condition) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(TIMEOUT_SECONDS);
        while (!condition.holds()) {
            if (!process.isAlive() || System.nanoTime() > deadline) {
                throw new AssertionError("ended, or ran out of time, before " + what + ":\n" + output());
            }
            Thread.sleep(5);
        }
    }

    /** {@code kill -9}. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    void signal(String name) throws IOException, InterruptedException {
        int code = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                .start()
                .waitFor();
        if (code != 0) {
            throw new AssertionError("kill -" + name + " failed with " + code);
        }
    }

    String output() throws IOException {
        return Files.readString(output);
    }

    /** A shell without job control starts its background commands with SIGINT ignored, and so their children. */
    public static boolean interruptsReachProcesses() throws IOException {
        Path status = Path.of("/proc/self/status");
        return !Files.exists(status)
                || Files.readAllLines(status).stream()
                        .filter(line -> line.startsWith("SigIgn:"))
                        .noneMatch(line -> (Long.parseUnsignedLong(
                                                line.substring(line.indexOf(':') + 1)
                                                        .strip(),
                                                16)
                                        & 2)
                                != 0);
    }
}

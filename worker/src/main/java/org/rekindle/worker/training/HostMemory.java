package org.rekindle.worker.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.LongSupplier;
import java.util.stream.Stream;

/**
 * The memory of a machine with Linux, for a worker that computes on its CPU: what {@code /proc/meminfo} says is available, no more than
 * control groups and {@code ulimit -v} leave.
 *
 * @param root {@code /}
 * @param heap bytes by which the JVM's heap may still grow
 * @param workers that share the machine
 */
record HostMemory(Path root, LongSupplier heap, int workers) implements DeviceMemory {

    private static final long KB = 1024;

    /** A control group's files under its folder: the limit, what is taken, and the cache in it that can be given back. */
    private record Group(String mount, String limit, String taken, String cache) {}

    private static final Group V1 =
            new Group("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
    private static final Group V2 = new Group("", "memory.max", "memory.current", "inactive_file");

    /** @param environment {@code LOCAL_WORLD_SIZE}, torchrun's number of workers of one machine, if there are several */
    static HostMemory ofThisMachine(Map<String, String> environment) {
        Runtime jvm = Runtime.getRuntime();
        String workers = environment.getOrDefault("LOCAL_WORLD_SIZE", "1").strip();
        return new HostMemory(
                Path.of("/"),
                () -> jvm.maxMemory() - jvm.totalMemory(),
                workers.matches("[1-9]\\d{0,5}") ? Integer.parseInt(workers) : 1);
    }

    /** Where several workers share the machine, an equal share of the whole is theirs, whoever has taken his by now. */
    @Override
    public long available() {
        long free = number("proc/meminfo", "MemAvailable").orElse(0) * KB;
        long whole = number("proc/meminfo", "MemTotal").orElse(0) * KB;
        for (Path group : groups()) {
            Group files = Files.exists(group.resolve(V2.limit())) ? V2 : V1;
            long limit = first(group.resolve(files.limit())).orElse(Long.MAX_VALUE);
            long taken = first(group.resolve(files.taken())).orElse(0);
            long cache = number(group.resolve("memory.stat"), files.cache()).orElse(0);
            whole = Math.min(whole, limit);
            free = Math.min(free, limit - taken + cache);
        }
        if (workers > 1) {
            free = Math.min(free, whole / workers - status("VmRSS"));
        }
        long space = number("proc/self/limits", "Max address space").orElse(Long.MAX_VALUE) - status("VmSize");
        return Math.max(0, Math.min(free - heap.getAsLong(), space));
    }

    /** The high-water mark is set back first; where that is forbidden the one of the whole process counts. */
    @Override
    public LongSupplier growth() {
        try {
            Files.writeString(root.resolve("proc/self/clear_refs"), "5");
        } catch (IOException e) {
            // an estimate that is too high at worst
        }
        long before = status("VmRSS");
        return () -> status("VmHWM") - before;
    }

    private long status(String key) {
        return number("proc/self/status", key).orElse(0) * KB;
    }

    /** The folders of the process's control group of memory and of all above it. */
    private List<Path> groups() {
        return lines(root.resolve("proc/self/cgroup"))
                .map(line -> line.split(":", 3))
                .filter(parts -> parts.length == 3 && (parts[1].isEmpty() || parts[1].equals(V1.mount())))
                .flatMap(parts -> {
                    Path top = root.resolve("sys/fs/cgroup").resolve(parts[1].isEmpty() ? V2.mount() : V1.mount());
                    return Stream.iterate(
                            top.resolve(parts[2].substring(1)), group -> group.startsWith(top), Path::getParent);
                })
                .filter(Files::isDirectory)
                .toList();
    }

    private OptionalLong number(String file, String key) {
        return number(root.resolve(file), key);
    }

    /** The number behind a key at the beginning of a line; empty where there is none, as in {@code unlimited}. */
    private static OptionalLong number(Path file, String key) {
        return lines(file)
                .filter(line -> line.matches(key + "[:\\s]+\\d+\\b.*"))
                .mapToLong(line -> Long.parseLong(line.substring(key.length()).replaceFirst("^[:\\s]+(\\d+).*", "$1")))
                .findFirst();
    }

    /** The number that is all that a file holds; empty where it is none, as in {@code max}. */
    private static OptionalLong first(Path file) {
        return lines(file)
                .filter(line -> line.matches("\\d{1,18}"))
                .mapToLong(Long::parseLong)
                .findFirst();
    }

    private static Stream<String> lines(Path file) {
        try {
            return Files.readAllLines(file).stream();
        } catch (IOException e) {
            return Stream.empty(); // another system, or a version of the kernel that has no such file
        }
    }
}

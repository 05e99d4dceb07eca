package org.rekindle.data;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.javacpp.Pointer;

/** What this process has used of the machine, native code included; the benchmarks report it. */
public final class ProcessUsage {

    private static final Path PROC_STATUS = Path.of("/proc/self/status");

    private ProcessUsage() {}

    /** Processor time of all threads so far, in nanoseconds. */
    public static long cpuNanos() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
    }

    /**
     * Largest resident memory so far, in bytes; where the system does not keep that, the current one. Linux tells the high-water mark in
     * a line such as {@code VmHWM:   123456 kB}.
     */
    public static long peakRssBytes() {
        try {
            for (String line : Files.readAllLines(PROC_STATUS)) {
                if (line.startsWith("VmHWM:")) {
                    return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
        } catch (IOException e) {
            return Pointer.physicalBytes();
        }
        return Pointer.physicalBytes();
    }
}

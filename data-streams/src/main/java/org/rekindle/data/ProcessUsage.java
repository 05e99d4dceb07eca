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
    private static final Path CLEAR_REFS = Path.of("/proc/self/clear_refs");

    private ProcessUsage() {}

    /** Processor time of all threads so far, in nanoseconds. */
    public static long cpuNanos() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
    }

    /**
     * Largest resident memory so far, or since {@link #restartPeakRss}, in bytes; where the system does not keep that, the current one.
     * Linux tells the high-water mark in a line such as {@code VmHWM:   123456 kB}.
     */
    public static long peakRssBytes() {
        return status("VmHWM:");
    }

    /** Resident memory now, in bytes. */
    public static long rssBytes() {
        return status("VmRSS:");
    }

    /** Lets {@link #peakRssBytes} begin anew; false where the system has no way to. Linux does it for a 5 in {@code clear_refs} (proc(5)). */
    public static boolean restartPeakRss() {
        try {
            Files.writeString(CLEAR_REFS, "5");
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static long status(String key) {
        try {
            for (String line : Files.readAllLines(PROC_STATUS)) {
                if (line.startsWith(key)) {
                    return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
        } catch (IOException e) {
            return Pointer.physicalBytes();
        }
        return Pointer.physicalBytes();
    }
}

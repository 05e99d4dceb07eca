package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostMemoryTest {

    private static final long MB = 1 << 20;

    @TempDir
    Path root;

    @BeforeEach
    void aMachineOf8000MegabytesWith5000Left() throws IOException {
        write("proc/meminfo", "MemTotal:       8192000 kB\nMemFree:         100 kB\nMemAvailable:   5120000 kB\n");
        write("proc/self/status", "Name:\tjava\nVmSize:\t 2048000 kB\nVmHWM:\t 1024000 kB\nVmRSS:\t 512000 kB\n");
    }

    @Test
    void whatTheMachineSaysIsAvailableLessWhatTheHeapMayStillTake() {
        assertThat(memory(1).available()).isEqualTo(4700 * MB);
    }

    @Test
    void aControlGroupOfTheFirstKindLimitsAllBelowIt() throws IOException {
        write("proc/self/cgroup", "9:cpu:/\n4:memory:/job/step\n0::/\n");
        write("sys/fs/cgroup/memory/job/step/memory.limit_in_bytes", "9223372036854771712\n");
        write("sys/fs/cgroup/memory/job/step/memory.usage_in_bytes", "1000\n");
        write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", 2000 * MB + "\n");
        write("sys/fs/cgroup/memory/job/memory.usage_in_bytes", 900 * MB + "\n");
        write("sys/fs/cgroup/memory/job/memory.stat", "inactive_file 7\ntotal_inactive_file " + 200 * MB + "\n");

        assertThat(memory(1).available()).as("cache can be given back").isEqualTo((2000 - 900 + 200 - 300) * MB);
    }

    @Test
    void aControlGroupOfTheSecondKindToo() throws IOException {
        write("proc/self/cgroup", "0::/job/step\n");
        write("sys/fs/cgroup/job/step/memory.max", "max\n");
        write("sys/fs/cgroup/job/step/memory.current", "1000\n");
        write("sys/fs/cgroup/job/memory.max", 1500 * MB + "\n");
        write("sys/fs/cgroup/job/memory.current", 600 * MB + "\n");
        write("sys/fs/cgroup/job/memory.stat", "inactive_file " + 100 * MB + "\n");

        assertThat(memory(1).available()).isEqualTo((1500 - 600 + 100 - 300) * MB);
    }

    @Test
    void theAddressSpaceOfTheShellLimitsToo() throws IOException {
        write("proc/self/limits", "Max address space         " + 2100 * MB + "           unlimited            bytes\n");
        assertThat(memory(1).available()).isEqualTo(100 * MB);

        write("proc/self/limits", "Max address space         unlimited            unlimited            bytes\n");
        assertThat(memory(1).available()).isEqualTo(4700 * MB);
    }

    @Test
    void workersOfOneMachineShareTheWholeOfItEqually() {
        assertThat(memory(2).available()).isEqualTo((4000 - 500 - 300) * MB);
        assertThat(memory(100).available())
                .as("what is his is less than what he has")
                .isZero();
    }

    @Test
    void growthIsWhatTheProcessHasHadAtMostBesideWhatItHas() throws IOException {
        write("proc/self/clear_refs", "");
        LongSupplier growth = memory(1).growth();
        assertThat(root.resolve("proc/self/clear_refs")).hasContent("5");
        write("proc/self/status", "VmHWM:\t 1536000 kB\nVmRSS:\t 512000 kB\n");

        assertThat(growth.getAsLong()).isEqualTo(1000 * MB);
    }

    @Test
    void thisMachineHasMemory() {
        assertThat(HostMemory.ofThisMachine(Map.of()).available()).isPositive();
        assertThat(HostMemory.ofThisMachine(Map.of("LOCAL_WORLD_SIZE", "4")).workers())
                .isEqualTo(4);
    }

    private HostMemory memory(int workers) {
        return new HostMemory(root, () -> 300 * MB, workers);
    }

    private void write(String file, String content) throws IOException {
        Files.createDirectories(root.resolve(file).getParent());
        Files.writeString(root.resolve(file), content);
    }
}

package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import com.sun.jna.Structure;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.coordinator.config.GradientCheckpointing;

class MemoryTest {

    private static final int WARM_UP = 40;
    private static final int STEPS = 160;
    private static final int WINDOWS = 3;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"denoising, fp32", "denoising, bf16", "autoencoder, fp32", "autoencoder, bf16"})
    void aStepLeavesNothingBehind(String target, String precision) {
        assumeThat(Platform.isLinux()).isTrue();
        TinyRun run =
                target.equals("autoencoder") ? TinyRun.denoising(folder).autoencoder() : TinyRun.denoising(folder);
        try (ModelSession session =
                ModelSession.open(run.config(precision, GradientCheckpointing.FALSE), run.fresh(), line -> {})) {
            steps(session, 0, WARM_UP);
            System.gc();
            long least = Long.MAX_VALUE;
            for (int window = 0; window < WINDOWS; window++) {
                long direct = directBytes();
                long allocated = allocatedBytes();
                steps(session, WARM_UP + window * STEPS, STEPS);

                // Before any garbage collection: in a run that makes little garbage it comes too late.
                assertThat(directBytes() - direct).isLessThan(STEPS);
                least = Math.min(least, allocatedBytes() - allocated);
            }
            // 25 kB a step; its activations take about 2 MB. A leak shows in every window, what the JVM's compiler
            // holds in one or two.
            assertThat(least).isLessThan(STEPS * 25_000L);
        }
    }

    private static void steps(ModelSession session, int from, int count) {
        for (long step = from + 1; step <= from + count; step++) {
            session.computeGradients(step, List.of(TinyRun.batch(step, 0)), 1);
            session.apply(step);
        }
    }

    private static long directBytes() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }

    /** What the process holds of glibc's heap; the least of some moments, since other threads come and go. */
    private static long allocatedBytes() {
        assumeThat(NativeLibrary.getInstance("c").getGlobalVariableAddress("mallinfo2"))
                .isNotNull();
        return LongStream.range(0, 10)
                .map(moment -> {
                    try {
                        Thread.sleep(30);
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                    MallocInfo info = C.LIBRARY.mallinfo2();
                    return info.uordblks + info.hblkhd;
                })
                .min()
                .orElseThrow();
    }

    public interface C extends Library {
        C LIBRARY = Native.load("c", C.class);

        MallocInfo mallinfo2();
    }

    /** struct mallinfo2 of glibc 2.33 and newer. */
    @Structure.FieldOrder({
        "arena",
        "ordblks",
        "smblks",
        "hblks",
        "hblkhd",
        "usmblks",
        "fsmblks",
        "uordblks",
        "fordblks",
        "keepcost"
    })
    public static class MallocInfo extends Structure implements Structure.ByValue {
        public long arena;
        public long ordblks;
        public long smblks;
        public long hblks;
        public long hblkhd;
        public long usmblks;
        public long fsmblks;
        public long uordblks;
        public long fordblks;
        public long keepcost;
    }
}

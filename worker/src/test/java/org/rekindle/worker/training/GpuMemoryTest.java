package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.worker.collectives.FakeNccl;

class GpuMemoryTest {

    @TempDir
    Path folder;

    @Test
    void whatIsTakenIsNoLongerFree() throws InterruptedException {
        FakeNccl fake = FakeNccl.required(FakeNccl.compile(folder)).reset().answers("free", -1, 70, 60, 25);
        DeviceMemory memory = new GpuMemory(fake.driver(), 2);
        assertThat(memory.available()).isEqualTo(70 << 20);
        LongSupplier growth = memory.growth();
        assertThat(growth.getAsLong()).isEqualTo(35 << 20);
        assertThat(fake.calls()).containsOnly("context of device 102", "current context 1102");
    }
}

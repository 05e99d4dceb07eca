package org.rekindle.worker.training;

import java.util.function.LongSupplier;
import org.rekindle.worker.torchscript.CudaDriver;

/** The memory of a GPU, as its driver tells it. PyTorch keeps what it has once taken, so what is taken is the most that there was. */
record GpuMemory(CudaDriver driver, int gpu) implements DeviceMemory {

    @Override
    public long available() {
        return memory().free();
    }

    @Override
    public LongSupplier growth() {
        long before = memory().free();
        return () -> before - memory().free();
    }

    private CudaDriver.Memory memory() {
        CudaDriver.use(driver, gpu);
        return CudaDriver.memory(driver);
    }
}

package org.rekindle.worker.training;

import ai.djl.Device;
import ai.djl.util.cuda.CudaUtils;
import java.util.function.LongSupplier;

/** The memory of a GPU, as CUDA's runtime tells it. PyTorch keeps what it has once taken, so what is taken is the most that there was. */
record GpuMemory(Device device) implements DeviceMemory {

    @Override
    public long available() {
        return CudaUtils.getGpuMemory(device).getMax() - used();
    }

    @Override
    public LongSupplier growth() {
        long before = used();
        return () -> used() - before;
    }

    private long used() {
        return CudaUtils.getGpuMemory(device).getUsed();
    }
}

package org.rekindle.worker.training;

import ai.djl.Device;
import java.util.Map;
import java.util.function.LongSupplier;
import org.rekindle.worker.torchscript.CudaDriver;

/** The memory of the device that a worker computes on. */
interface DeviceMemory {

    /** Of a device of this machine. */
    static DeviceMemory of(Device device, Map<String, String> environment) {
        return device.isGpu()
                ? new GpuMemory(CudaDriver.ofThisMachine(), device.getDeviceId())
                : HostMemory.ofThisMachine(environment);
    }

    /** Bytes that this worker may take beside what it has. */
    long available();

    /** Begins to watch: the answer tells how many bytes the worker has since had beside what it has now, at most. 0 where nobody knows. */
    LongSupplier growth();
}

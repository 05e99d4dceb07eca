package org.rekindle.worker.torchscript;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import org.rekindle.data.UserException;

/**
 * The functions of CUDA's driver library that are called. The driver's, not the runtime's: it is on every machine with a GPU, under one
 * name, while libcudart has the version in its name and comes with the toolkit. All return a {@code CUresult}.
 */
public interface CudaDriver extends Library {

    // CUresult
    int SUCCESS = 0;
    int NOT_READY = 600;

    // CUdevice_attribute
    int CAPABILITY_MAJOR = 75;
    int CAPABILITY_MINOR = 76;

    /** @param flags 0 */
    int cuInit(int flags);

    /** @param version one element, filled in: of the newest CUDA that the driver knows, 1000 x major + 10 x minor */
    int cuDriverGetVersion(int[] version);

    /** @param count one element, filled in: of the GPUs that CUDA_VISIBLE_DEVICES leaves */
    int cuDeviceGetCount(int[] count);

    /** @param device one element, filled in */
    int cuDeviceGet(int[] device, int ordinal);

    /** @param value one element, filled in */
    int cuDeviceGetAttribute(int[] value, int attribute, int device);

    /** @param context gets the one that CUDA's runtime, and so PyTorch and NCCL, work in */
    int cuDevicePrimaryCtxRetain(PointerByReference context, int device);

    /** For the calling thread. */
    int cuCtxSetCurrent(Pointer context);

    /**
     * Of the GPU whose context is current, in bytes; all processes share them.
     *
     * @param free one element, filled in
     * @param total one element, filled in
     */
    int cuMemGetInfo_v2(long[] free, long[] total);

    /**
     * @param stream null for the legacy default stream, which PyTorch works on unless told otherwise
     * @return {@link #NOT_READY} while there is work on it
     */
    int cuStreamQuery(Pointer stream);

    /** @param text gets a C string */
    int cuGetErrorString(int result, PointerByReference text);

    /** @throws UserException when there is no driver */
    static CudaDriver load(String library) {
        try {
            return Native.load(library, CudaDriver.class);
        } catch (UnsatisfiedLinkError e) {
            throw new UserException(
                    "distributed.dist_backend nccl: " + library
                            + " cannot be loaded; install NVIDIA's driver, or use distributed.dist_backend ring",
                    e);
        }
    }

    /** That of this machine, by the name that comes with the driver; libcuda.so comes with the toolkit. */
    static CudaDriver ofThisMachine() {
        return load("libcuda.so.1");
    }

    /** How many GPUs this process sees; 0 where there is no driver. */
    static int gpus() {
        try {
            return gpus(ofThisMachine());
        } catch (UserException e) {
            return 0;
        }
    }

    /** How many GPUs a driver shows this process; 0 from one that cannot tell, as where its module is not loaded. */
    static int gpus(CudaDriver driver) {
        int[] count = new int[1];
        return driver.cuInit(0) == SUCCESS && driver.cuDeviceGetCount(count) == SUCCESS ? count[0] : 0;
    }

    /** The version of CUDA that the driver is made for, such as 12080 for 12.8. */
    static int version(CudaDriver driver) {
        int[] version = new int[1];
        require(driver, "cuDriverGetVersion", driver.cuDriverGetVersion(version));
        return version[0];
    }

    /**
     * Lets the calling thread work on a GPU, as {@code cudaSetDevice} does: what it asks of CUDA without naming a device is of this one.
     *
     * @param gpu its number among those that this process sees
     */
    static void use(CudaDriver driver, int gpu) {
        PointerByReference context = new PointerByReference();
        require(driver, "cuDevicePrimaryCtxRetain", driver.cuDevicePrimaryCtxRetain(context, device(driver, gpu)));
        require(driver, "cuCtxSetCurrent", driver.cuCtxSetCurrent(context.getValue()));
    }

    private static int device(CudaDriver driver, int gpu) {
        int[] device = new int[1];
        require(driver, "cuInit", driver.cuInit(0));
        require(driver, "cuDeviceGet", driver.cuDeviceGet(device, gpu));
        return device[0];
    }

    /** The compute capability of a GPU, such as 90 for 9.0. */
    static int capability(CudaDriver driver, int gpu) {
        int device = device(driver, gpu);
        return 10 * attribute(driver, CAPABILITY_MAJOR, device) + attribute(driver, CAPABILITY_MINOR, device);
    }

    private static int attribute(CudaDriver driver, int attribute, int device) {
        int[] value = new int[1];
        require(driver, "cuDeviceGetAttribute", driver.cuDeviceGetAttribute(value, attribute, device));
        return value[0];
    }

    /**
     * The memory of a GPU.
     *
     * @param free bytes that no process has taken
     * @param total bytes
     */
    record Memory(long free, long total) {}

    /** The memory of the GPU that the calling thread works on ({@link #use}). */
    static Memory memory(CudaDriver driver) {
        long[] free = new long[1];
        long[] total = new long[1];
        require(driver, "cuMemGetInfo", driver.cuMemGetInfo_v2(free, total));
        return new Memory(free[0], total[0]);
    }

    private static void require(CudaDriver driver, String function, int result) {
        if (result != SUCCESS) {
            throw new UserException(function + " failed with CUDA's error " + result + ", " + text(driver, result));
        }
    }

    /** The driver's own words. */
    static String text(CudaDriver driver, int result) {
        PointerByReference text = new PointerByReference();
        return driver.cuGetErrorString(result, text) == SUCCESS && text.getValue() != null
                ? text.getValue().getString(0)
                : "unknown error";
    }
}

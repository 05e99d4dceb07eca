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

    /** @param flags 0 */
    int cuInit(int flags);

    /** @param version one element, filled in: of the newest CUDA that the driver knows, 1000 x major + 10 x minor */
    int cuDriverGetVersion(int[] version);

    /** @param device one element, filled in */
    int cuDeviceGet(int[] device, int ordinal);

    /** @param context gets the one that CUDA's runtime, and so PyTorch and NCCL, work in */
    int cuDevicePrimaryCtxRetain(PointerByReference context, int device);

    /** For the calling thread. */
    int cuCtxSetCurrent(Pointer context);

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

    /** That of this machine. */
    static CudaDriver ofThisMachine() {
        return load("cuda");
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
        int[] device = new int[1];
        PointerByReference context = new PointerByReference();
        require(driver, "cuInit", driver.cuInit(0));
        require(driver, "cuDeviceGet", driver.cuDeviceGet(device, gpu));
        require(driver, "cuDevicePrimaryCtxRetain", driver.cuDevicePrimaryCtxRetain(context, device[0]));
        require(driver, "cuCtxSetCurrent", driver.cuCtxSetCurrent(context.getValue()));
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

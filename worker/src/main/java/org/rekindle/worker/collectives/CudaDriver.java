package org.rekindle.worker.collectives;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import org.rekindle.data.UserException;

/**
 * The functions of CUDA's driver library that tell when the device is done. The driver's, not the runtime's: it is on every machine with a
 * GPU, under one name, while libcudart has the version in its name and comes with the toolkit.
 */
interface CudaDriver extends Library {

    // CUresult
    int SUCCESS = 0;
    int NOT_READY = 600;

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

    /** The driver's own words. */
    static String text(CudaDriver driver, int result) {
        PointerByReference text = new PointerByReference();
        return driver.cuGetErrorString(result, text) == SUCCESS && text.getValue() != null
                ? text.getValue().getString(0)
                : "unknown error";
    }
}

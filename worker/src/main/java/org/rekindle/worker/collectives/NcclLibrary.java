package org.rekindle.worker.collectives;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.Map;
import org.rekindle.data.UserException;

/** libnccl, and what its results mean here. */
final class NcclLibrary {

    /** {@code ncclCommInitRankConfig} came with 2.14.0. */
    static final int OLDEST = 21400;

    private static final String INSTALLED = "libnccl.so.2"; // libnccl.so comes with what it takes to compile against it
    private static final String VARIABLE = "NCCL_LIBRARY_PATH";
    private static final String REMEDY =
            "install NCCL 2.14 or newer for this machine's CUDA, or set " + VARIABLE + " to the file libnccl.so.2";

    private final Nccl functions;
    private final String name;

    private NcclLibrary(Nccl functions, String name) {
        this.functions = functions;
        this.name = name;
    }

    /**
     * Loads the file that {@code NCCL_LIBRARY_PATH} names, or {@code libnccl.so.2} from where the system looks for libraries.
     *
     * @throws UserException when it is not there, is no NCCL, or is older than 2.14
     */
    static NcclLibrary load(Map<String, String> environment) {
        String path = environment.getOrDefault(VARIABLE, "");
        String place = path.isEmpty() ? INSTALLED : VARIABLE + "=" + path;
        try {
            return of(Native.load(path.isEmpty() ? INSTALLED : path, Nccl.class), place);
        } catch (UnsatisfiedLinkError e) {
            throw new UserException(
                    "distributed.dist_backend nccl: " + place + " cannot be loaded (" + line(searched(e)) + "); "
                            + REMEDY,
                    e);
        }
    }

    private static NcclLibrary of(Nccl functions, String place) {
        int[] version = new int[1];
        int code = functions.ncclGetVersion(version);
        NcclLibrary library = new NcclLibrary(functions, "NCCL " + text(version[0]));
        library.require("ncclGetVersion", code);
        if (version[0] < OLDEST) {
            throw new UserException("distributed.dist_backend nccl: " + place + " is " + library.name
                    + ", which cannot start without blocking; " + REMEDY);
        }
        return library;
    }

    /** {@code NCCL_VERSION} of nccl.h, taken apart. */
    static String text(int version) {
        int major = version < 10_000 ? 1000 : 10_000;
        return version / major + "." + version % major / 100 + "." + version % 100;
    }

    Nccl functions() {
        return functions;
    }

    /** A new id for the communicator of one generation, {@link NcclUniqueId#BYTES} bytes. One rank asks, all use it. */
    byte[] uniqueId() {
        byte[] id = new byte[NcclUniqueId.BYTES];
        require("ncclGetUniqueId", functions.ncclGetUniqueId(id));
        return id;
    }

    private void require(String function, int result) {
        if (result != Nccl.SUCCESS) {
            throw new UserException(describe(function, result));
        }
    }

    /**
     * What to throw for a call on a communicator that failed: {@link PeerLostException} for {@code ncclRemoteError} and
     * {@code ncclSystemError}, which is how a connection that broke is told, {@link UserException} for the rest.
     */
    RuntimeException failure(String function, int result) {
        String line = describe(function, result);
        return result == Nccl.REMOTE_ERROR || result == Nccl.SYSTEM_ERROR
                ? new PeerLostException(-1, line)
                : new UserException(line);
    }

    private String describe(String function, int result) {
        String last = line(functions.ncclGetLastError(Pointer.NULL));
        return name + ": " + function + " failed with result " + result + ", "
                + line(functions.ncclGetErrorString(result)) + (last.isEmpty() ? "" : ": " + last)
                + "; NCCL_DEBUG=WARN makes NCCL say more";
    }

    /** JNA tells the whole class path, too, where it has looked for the file as well. */
    private static String searched(UnsatisfiedLinkError e) {
        return String.valueOf(e.getMessage()).replaceFirst("(?s)\\s+Native library \\(.*", "");
    }

    private static String line(String text) {
        return text == null ? "" : text.strip().replaceAll("\\s+", " ");
    }
}

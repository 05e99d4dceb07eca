package org.rekindle.worker.collectives;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Library;
import com.sun.jna.Native;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.rekindle.worker.SharedLibrary;
import org.rekindle.worker.torchscript.CudaDriver;

/** A library with the functions of libnccl and libcuda that are called, compiled from {@code nccl/fake-nccl.c}; see there. */
public final class FakeNccl {

    static final int FOR_EVER = -1;
    private static final int VERSION = 22602;

    interface Script extends Library {
        void fakeReset(int version);

        void fakeResult(String function, int rank, int result, int times);

        void fakeTogether();

        void fakeLastError();

        int fakeLeft();

        String fakeCalls();
    }

    private final Path file;
    private final Script script;

    private FakeNccl(Path file) {
        this.file = file;
        this.script = Native.load(file.toString(), Script.class);
    }

    /** Null where there is no gcc, for {@link #required} to tell test by test: what a class skips as a whole is not counted. */
    public static FakeNccl compile(Path folder) throws InterruptedException {
        Path file = SharedLibrary.compile("nccl/fake-nccl.c", folder);
        return file == null ? null : new FakeNccl(file);
    }

    /** Skips the test that needs what {@link #compile} could not give. */
    public static FakeNccl required(FakeNccl compiled) {
        assumeTrue(compiled != null, "skipped: no gcc to compile the fake libnccl with");
        return compiled;
    }

    public FakeNccl reset() {
        return reset(VERSION);
    }

    FakeNccl reset(int version) {
        script.fakeReset(version);
        return this;
    }

    /** From now on ranks compute together: each operation waits for all ranks and works on all their memory. */
    public FakeNccl sumsTogether() {
        script.fakeTogether();
        return this;
    }

    /** A collective by this library. */
    public Collective over(RingCollective ring) {
        return new NcclCollective(ring, library(), driver());
    }

    /** The next results of a function, or of {@code state}: what {@code ncclCommGetAsyncError} says of a rank's communicator. */
    public FakeNccl answers(String function, int rank, int... results) {
        for (int result : results) {
            script.fakeResult(function, rank, result, 1);
        }
        return this;
    }

    FakeNccl alwaysAnswers(String function, int rank, int result) {
        script.fakeResult(function, rank, result, FOR_EVER);
        return this;
    }

    FakeNccl saysMore() {
        script.fakeLastError();
        return this;
    }

    /** Results that nobody has asked for yet. */
    int left() {
        return script.fakeLeft();
    }

    /** What was called, polls left out. */
    public List<String> calls() {
        return script.fakeCalls().lines().toList();
    }

    NcclLibrary library() {
        return NcclLibrary.load(Map.of("NCCL_LIBRARY_PATH", file.toString()));
    }

    public CudaDriver driver() {
        return CudaDriver.load(file.toString());
    }
}

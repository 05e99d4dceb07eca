package org.rekindle.worker.torchscript;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.engine.StandardCapabilities;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.pytorch.jni.LibUtils;
import com.sun.jna.NativeLibrary;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rekindle.coordinator.membership.WorkerRank;

/**
 * PyTorch's engine and autograd. Gradient mode, graph optimizer and thread count are settings of a thread: any thread that comes here
 * through this class or {@link TorchModule} gets Rekindle's. Gradient mode is off until {@link #withGrad} turns it on.
 *
 * <p>No method synchronises threads: a tensor belongs to one thread at a time.
 */
public final class Torch {

    private static final String ENGINE = "PyTorch";

    /** Such as {@code libcudart.so.12} or {@code libcudart-9335f6a2.so.12}. */
    private static final Pattern CUDA_RUNTIME = Pattern.compile("libcudart(?:-[0-9a-f]+)?\\.so\\.(\\d+)");

    private static volatile Engine engine;
    private static volatile int threads;

    /** Done once a thread, since libtorch, OpenMP and CUDA keep these per thread. */
    private static final ThreadLocal<Boolean> PREPARED = ThreadLocal.withInitial(Torch::prepareThread);

    /** Loaded on first use, lives as long as the process. */
    private static final class Functions {
        static final NDManager MANAGER = manager(Device.cpu());
        static final TorchModule MODULE = TorchModule.load(MANAGER, new ListFunctions());
    }

    /** What DJL doesn't offer over lists of tensors. */
    private record ListFunctions() implements ScriptModule {
        @Override
        public String methods() {
            return """
                def backward(self, outputs: List[Tensor], gradients: List[Tensor]) -> Tensor:
                  optional = annotate(List[Optional[Tensor]], [])
                  for gradient in gradients:
                    optional.append(gradient)
                  torch.backward(outputs, optional)
                  return gradients[0]
                def zero(self, tensors: List[Tensor]) -> Tensor:
                  torch._foreach_zero_(tensors)
                  return tensors[0]
                def copy(self, targets: List[Tensor], sources: List[Tensor]) -> Tensor:
                  torch._foreach_copy_(targets, sources)
                  return targets[0]
                def allocate(self, tensors: List[Tensor]) -> Tensor:
                  for t in tensors:
                    torch.set_(t, torch.zeros(t.size(), dtype=6, device=t.device))
                  return tensors[0]
                """;
        }
    }

    private Torch() {}

    /**
     * Sets the CPU threads that each operation may use, in this thread and those that come later. Call it before any other method; a
     * change reaches a thread that is already at work only when that thread calls it.
     *
     * @param intraOpThreads null leaves PyTorch's default, the number of physical cores
     */
    public static void init(Integer intraOpThreads) {
        if (intraOpThreads != null) {
            threads = intraOpThreads;
        }
        prepareThread();
        readLogLevel();
    }

    /**
     * Has libtorch heed {@code TORCH_CPP_LOG_LEVEL}, which it does of itself only below Python: the launcher silences warnings, as a
     * libtorch without NNPACK gives one at each small convolution.
     */
    private static void readLogLevel() {
        try {
            NativeLibrary.getInstance(file("c10").toString())
                    .getFunction("_ZN3c1011initLoggingEv") // c10::initLogging()
                    .invokeVoid(new Object[0]);
        } catch (UnsatisfiedLinkError e) {
            // a libtorch of another make says more than it needs to
        }
    }

    /** A library of the libtorch that DJL has loaded; loading it once more gives the same. */
    static Path file(String library) {
        return Path.of(LibUtils.getLibtorchPath(), System.mapLibraryName(library));
    }

    private static boolean prepareThread() {
        engine();
        JniUtils.setGraphExecutorOptimize(
                false); // its profiling recompiles at every new shape and gains nothing in training
        JniUtils.setGradMode(false);
        if (threads > 0) {
            JniUtils.setNumThreads(threads);
        }
        if (device().getDeviceId() > 0) { // every thread begins on the first GPU
            CudaDriver.use(CudaDriver.ofThisMachine(), device().getDeviceId());
        }
        return true;
    }

    /** Looks at the environment once: tensors that go up to a device ask for it many times a step. */
    private static Engine engine() {
        if (engine == null) {
            engine = load();
        }
        return engine;
    }

    private static Engine load() {
        System.setProperty("OPT_OUT_TRACKING", "true"); // DJL would tell its makers of each start on EC2
        NamedLibtorch.require(System.getenv());
        try {
            return Engine.getEngine(ENGINE);
        } catch (EngineException e) {
            throw NamedLibtorch.unloadable(e, System.getenv());
        }
    }

    /** Makes sure that the calling thread has Rekindle's settings. */
    static void prepare() {
        PREPARED.get();
    }

    /** Returns a new manager on {@link #device}. Close it to free its arrays. */
    public static NDManager manager() {
        return manager(device());
    }

    /** This worker's GPU; the CPU where it sees none. */
    public static Device device() {
        int gpus = build().gpus();
        return gpus == 0 ? Device.cpu() : Device.gpu(gpu(gpus, System.getenv()));
    }

    /**
     * Which GPU a worker takes: that of its place among the workers of its machine ({@code LOCAL_RANK}, {@code SLURM_LOCALID}). One that
     * sees a single GPU takes it, as where SLURM binds each task to its own.
     *
     * @param gpus that it sees
     */
    public static int gpu(int gpus, Map<String, String> environment) {
        return WorkerRank.local(environment) % gpus;
    }

    /** The libtorch that was loaded, as far as devices go. */
    public static Build build() {
        boolean cuda = engine().hasCapability(StandardCapabilities.CUDA);
        return new Build(engine().getVersion(), cuda, cuda ? CudaDriver.gpus() : 0);
    }

    /**
     * The major version of CUDA that a libtorch is built for, as its library for CUDA names the runtime that it needs.
     *
     * @param folder of the libtorch
     * @return empty where it does not tell
     */
    static OptionalInt cudaMajor(Path folder) {
        try {
            String library =
                    Files.readString(folder.resolve(System.mapLibraryName("c10_cuda")), StandardCharsets.ISO_8859_1);
            Matcher runtime = CUDA_RUNTIME.matcher(library);
            return runtime.find() ? OptionalInt.of(Integer.parseInt(runtime.group(1))) : OptionalInt.empty();
        } catch (IOException e) {
            return OptionalInt.empty();
        }
    }

    /** As {@link #cudaMajor(Path)}, of the libtorch that was loaded. */
    public static OptionalInt cudaMajor() {
        engine();
        return cudaMajor(Path.of(LibUtils.getLibtorchPath()));
    }

    /**
     * A libtorch.
     *
     * @param version such as 2.7.1
     * @param cuda whether it can compute on GPUs
     * @param gpus that it sees
     */
    public record Build(String version, boolean cuda, int gpus) {}

    /** Returns a new manager on a device. Close it to free its arrays. */
    public static NDManager manager(Device device) {
        prepare();
        return engine().newBaseManager(device);
    }

    /**
     * Runs something on a thread that ends with it. OpenMP keeps a team of threads for each thread that has computed; once the teams
     * have more threads than there are processors, libgomp no longer spins at barriers but sleeps, and small training steps take twice
     * as long. So only the training thread may stay.
     */
    public static <T> T inThreadOfItsOwn(Supplier<T> work) {
        FutureTask<T> task = new FutureTask<>(work::get);
        new Thread(task, "setup").start();
        try {
            return task.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            task.cancel(true);
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted");
        }
    }

    /** Runs something that autograd doesn't record. */
    public static <T> T noGrad(Supplier<T> work) {
        return inGradMode(false, work);
    }

    /** Runs something that autograd records. */
    public static <T> T withGrad(Supplier<T> work) {
        return inGradMode(true, work);
    }

    private static <T> T inGradMode(boolean enabled, Supplier<T> work) {
        prepare();
        boolean before = JniUtils.isGradMode();
        JniUtils.setGradMode(enabled);
        try {
            return work.get();
        } finally {
            JniUtils.setGradMode(before);
        }
    }

    /** Adds to the leaves' gradients those of a loss of shape (). */
    public static void backward(NDArray loss) {
        prepare();
        try (NDArray one = loss.getManager().ones(new Shape())) {
            JniUtils.backward((PtNDArray) loss, (PtNDArray) one, false, false);
        }
    }

    /**
     * Adds to the leaves' gradients those of several outputs in one backward pass.
     *
     * @param outputs recorded by autograd
     * @param gradients of the outputs, same shapes and types
     */
    public static void backward(List<NDArray> outputs, List<NDArray> gradients) {
        try (NDManager scope = outputs.get(0).getManager().newSubManager()) {
            Functions.MODULE.call(scope, "backward", outputs, gradients);
        }
    }

    /** Returns a tensor over the same memory that autograd takes for a leaf and collects a gradient for. */
    public static NDArray leaf(NDManager scope, NDArray array) {
        PtNDArray leaf = JniUtils.detachGradient((PtNDArray) array);
        leaf.attach(scope);
        JniUtils.attachGradient(leaf, true);
        return leaf;
    }

    /**
     * Returns the gradient that backward passes have left in a leaf: the live tensor, which later passes add to and
     * {@link #zeroGradients} clears. Null where no backward pass has reached the leaf.
     */
    public static NDArray gradient(NDManager scope, NDArray leaf) {
        PtNDArray gradient = JniUtils.getGradient((PtNDArray) leaf);
        if (gradient != null) {
            gradient.attach(scope);
        }
        return gradient;
    }

    /** Sets tensors to zero in place, in one call; with the tensors of {@link #gradient}, clears gradients. */
    public static void zeroGradients(Collection<? extends NDArray> gradients) {
        callOnList("zero", gradients);
    }

    /** Copies values into a tensor's own memory, wherever that is. The remaining values must be as many as its elements. */
    public static void copy(FloatBuffer values, NDArray target) {
        Tensors.check(target.getShape(), values.remaining());
        Tensors.fill(target, memory -> memory.put(values));
    }

    /** Copies a tensor's values into another's memory, on whichever device; both of one shape. */
    static void copy(NDArray source, NDArray target) {
        try (NDManager scope = target.getManager().newSubManager()) {
            noGrad(() -> Functions.MODULE.call(scope, "copy", List.of(target), List.of(source)));
        }
    }

    /** Gives tensors memory of their own, full of zeros; their shapes stay. */
    static void allocateZeros(Collection<? extends NDArray> tensors) {
        callOnList("allocate", tensors);
    }

    private static void callOnList(String method, Collection<? extends NDArray> tensors) {
        if (tensors.isEmpty()) {
            return;
        }
        List<NDArray> list = List.copyOf(tensors);
        try (NDManager scope = list.get(0).getManager().newSubManager()) {
            noGrad(() -> Functions.MODULE.call(scope, method, list));
        }
    }
}

package org.rekindle.worker.training;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntSupplier;
import org.rekindle.coordinator.config.DistributedConfig;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.membership.WorkerRank;
import org.rekindle.data.UserException;
import org.rekindle.worker.collectives.Backend;
import org.rekindle.worker.collectives.NcclCollective;
import org.rekindle.worker.torchscript.CudaDriver;
import org.rekindle.worker.torchscript.NamedLibtorch;
import org.rekindle.worker.torchscript.Torch;

/** Whether the machine has what a configuration asks for. */
public final class RequiredDevice {

    /** NVIDIA's Ampere: the first whose tensor cores take bf16. */
    private static final int FIRST_WITH_BF16 = 80;

    private static final String NAME_ONE = "name one that has it (" + NamedLibtorch.SETTINGS + ")";

    private RequiredDevice() {}

    /**
     * Checks this machine.
     *
     * @param workers that the run starts with, or more where others may come
     * @throws UserException when a GPU is asked for that is not there, a type that the GPU cannot compute in, or sums between workers that
     *     their devices do not do
     */
    public static void check(RunConfig config, int workers) {
        Torch.Build torch = Torch.build();
        DistributedConfig distributed = config.distributed();
        Backend backend = Backend.of(distributed.distBackend(), torch);
        if (workers > 1) {
            requireSums(backend, distributed.gradientDtype(), torch);
        }
        boolean sums = workers > 1 || distributed.distBackend() != null;
        if (sums && backend == Backend.NCCL) {
            requireNccl(torch);
        }
        if (config.model().mixedPrecision().equals(ModelConfig.BF16)) {
            requireBf16(
                    torch,
                    () -> CudaDriver.capability(
                            CudaDriver.ofThisMachine(), Torch.device().getDeviceId()));
        }
    }

    /**
     * What a run tells of its device: the GPU, or why it is the CPU where one may expect a GPU. Nothing on a machine that has none, where
     * libtorch has no CUDA either.
     *
     * @param shown GPUs that the driver shows this process
     */
    public static Optional<String> told(Torch.Build torch, int shown, Map<String, String> environment) {
        if (torch.gpus() > 0) {
            return Optional.of("computing on GPU " + Torch.gpu(torch.gpus(), environment) + " of " + torch.gpus());
        } else if (torch.cuda()) {
            return Optional.of("computing on the CPU: " + noGpu(environment) + "; look what nvidia-smi lists");
        } else if (shown > 0) {
            return Optional.of("computing on the CPU: " + withoutCuda(torch) + ", and the driver shows "
                    + (shown == 1 ? "1 GPU" : shown + " GPUs") + "; " + NAME_ONE);
        }
        return Optional.empty();
    }

    private static String withoutCuda(Torch.Build torch) {
        return "this libtorch (" + torch.version() + ") is built without CUDA";
    }

    private static String noGpu(Map<String, String> environment) {
        String visible = environment.get("CUDA_VISIBLE_DEVICES");
        return "no GPU is to be seen" + (visible == null ? "" : " (CUDA_VISIBLE_DEVICES=" + visible + ")");
    }

    /** Whether there is all that NCCL needs. */
    static void requireNccl(Torch.Build torch) {
        NcclCollective.requireLibraries();
        if (torch.cuda()) {
            requireDriver(CudaDriver.version(CudaDriver.ofThisMachine()), Torch.cudaMajor());
        }
        requireGpu(torch, System.getenv());
    }

    /** Whether several workers can sum as they are told to. */
    static void requireSums(Backend backend, String gradientDtype, Torch.Build torch) {
        if (backend == Backend.NCCL && gradientDtype.equals(DistributedConfig.BFLOAT16)) {
            throw new UserException(
                    "distributed.gradient_dtype: bfloat16 is for distributed.dist_backend ring; NCCL sums in float32 here;"
                            + " set distributed.gradient_dtype=float32");
        } else if (backend == Backend.RING && torch.gpus() > 0) {
            throw new UserException(
                    "distributed.dist_backend: ring sums in the host's memory, and this worker computes on a GPU;"
                            + " use nccl, or hide the GPUs (CUDA_VISIBLE_DEVICES=)");
        }
    }

    /**
     * Whether the driver knows the CUDA that libtorch is built for: any release of the same major version does
     * (docs.nvidia.com/deploy/cuda-compatibility, minor version compatibility).
     *
     * @param driver 1000 x major + 10 x minor
     * @param libtorch major version; where it is not known nothing is refused
     */
    static void requireDriver(int driver, OptionalInt libtorch) {
        if (driver / 1000 < libtorch.orElse(0)) {
            throw new UserException(
                    "distributed.dist_backend nccl: NVIDIA's driver is made for CUDA %d.%d, this libtorch for CUDA %d;"
                                    .formatted(driver / 1000, driver % 1000 / 10, libtorch.getAsInt())
                            + " install a newer driver");
        }
    }

    static void requireGpu(Torch.Build torch, Map<String, String> environment) {
        if (!torch.cuda()) {
            throw new UserException("distributed.dist_backend nccl: " + withoutCuda(torch) + "; " + NAME_ONE
                    + ", or use distributed.dist_backend ring");
        }
        if (torch.gpus() == 0) {
            throw new UserException(
                    "distributed.dist_backend nccl: " + noGpu(environment)
                            + "; expected is one for each worker: look what nvidia-smi lists, or use distributed.dist_backend ring");
        }
        int place = WorkerRank.local(environment);
        if (torch.gpus() > 1 && place >= torch.gpus()) {
            throw new UserException("distributed.dist_backend nccl: worker " + place + " of this machine, from 0, sees "
                    + torch.gpus() + " GPUs; expected is one for each worker: start no more workers than that");
        }
    }

    /**
     * CPUs compute in bf16 whatever they are, and older GPUs in software, slower than in fp32; fp32 is never chosen unasked.
     *
     * @param capability of the GPU, such as 80 for 8.0; asked where there is one
     */
    static void requireBf16(Torch.Build torch, IntSupplier capability) {
        if (torch.gpus() == 0) {
            return;
        }
        int of = capability.getAsInt();
        if (of < FIRST_WITH_BF16) {
            throw new UserException(
                    "model.mixed_precision: bf16 is nothing that this GPU computes in (compute capability " + of / 10
                            + "." + of % 10 + ", expected 8.0 or newer); set model.mixed_precision=fp32");
        }
    }
}

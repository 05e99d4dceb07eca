package org.rekindle.worker.training;

import ai.djl.util.cuda.CudaUtils;
import java.util.Map;
import java.util.function.Supplier;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.UserException;
import org.rekindle.worker.collectives.NcclCollective;
import org.rekindle.worker.torchscript.Torch;

/** Whether the machine has what a configuration asks for. */
public final class RequiredDevice {

    private static final String NCCL = "nccl";

    /** NVIDIA's Ampere: the first whose tensor cores take bf16. */
    private static final int FIRST_WITH_BF16 = 80;

    private RequiredDevice() {}

    /**
     * Checks this machine.
     *
     * @throws UserException when a GPU is asked for that is not there, or a type that the GPU cannot compute in
     */
    public static void check(RunConfig config) {
        if (NCCL.equals(config.distributed().distBackend())) {
            NcclCollective.requireLibraries();
            requireGpu(Torch.build(), System.getenv());
        }
        if (config.model().mixedPrecision().equals(ModelConfig.BF16)) {
            requireBf16(Torch.build(), () -> CudaUtils.getComputeCapability(0));
        }
    }

    static void requireGpu(Torch.Build torch, Map<String, String> environment) {
        if (!torch.cuda()) {
            throw new UserException("distributed.dist_backend nccl: this libtorch (" + torch.version()
                    + ") is built without CUDA; name one that has it (PYTORCH_LIBRARY_PATH=FOLDER), or use"
                    + " distributed.dist_backend ring");
        }
        if (torch.gpus() == 0) {
            String visible = environment.get("CUDA_VISIBLE_DEVICES");
            throw new UserException(
                    "distributed.dist_backend nccl: no GPU is to be seen"
                            + (visible == null ? "" : " (CUDA_VISIBLE_DEVICES=" + visible + ")")
                            + "; expected is one for each worker: look what nvidia-smi lists, or use distributed.dist_backend ring");
        }
    }

    /**
     * CPUs compute in bf16 whatever they are, and older GPUs in software, slower than in fp32; fp32 is never chosen unasked.
     *
     * @param capability of the GPU, such as 80 for 8.0; asked where there is one
     */
    static void requireBf16(Torch.Build torch, Supplier<String> capability) {
        if (torch.gpus() == 0) {
            return;
        }
        String of = capability.get();
        if (of.matches("\\d+") && Integer.parseInt(of) < FIRST_WITH_BF16) {
            throw new UserException(
                    "model.mixed_precision: bf16 is nothing that this GPU computes in (compute capability "
                            + of.substring(0, of.length() - 1) + "." + of.substring(of.length() - 1)
                            + ", expected 8.0 or newer); set model.mixed_precision=fp32");
        }
    }
}

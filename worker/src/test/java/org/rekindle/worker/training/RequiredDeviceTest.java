package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.UserException;
import org.rekindle.worker.collectives.Backend;
import org.rekindle.worker.torchscript.NamedLibtorch;
import org.rekindle.worker.torchscript.Torch;

class RequiredDeviceTest {

    private static final Torch.Build CPU = new Torch.Build("2.7.1", false, 0);
    private static final Torch.Build ONE_GPU = new Torch.Build("2.7.1", true, 1);

    @Test
    void ncclNeedsALibtorchWithCuda() {
        assertThatThrownBy(() -> RequiredDevice.requireGpu(CPU, Map.of()))
                .isInstanceOf(UserException.class)
                .hasMessage(
                        "distributed.dist_backend nccl: this libtorch (2.7.1) is built without CUDA; name one that has it"
                                + " (PYTORCH_LIBRARY_PATH=FOLDER PYTORCH_VERSION=2.7.1 PYTORCH_FLAVOR=cu128), or use distributed.dist_backend ring");
    }

    @Test
    void ncclNeedsAGpuThatIsToBeSeen() {
        assertThatThrownBy(() -> RequiredDevice.requireGpu(
                        new Torch.Build("2.7.1", true, 0), Map.of("CUDA_VISIBLE_DEVICES", "")))
                .isInstanceOf(UserException.class)
                .hasMessageStartingWith(
                        "distributed.dist_backend nccl: no GPU is to be seen (CUDA_VISIBLE_DEVICES=); expected is one");
        assertThatCode(() -> RequiredDevice.requireGpu(ONE_GPU, Map.of())).doesNotThrowAnyException();
    }

    @Test
    void ncclNeedsAGpuForEachWorkerOfTheMachine() {
        Torch.Build four = new Torch.Build("2.7.1", true, 4);
        assertThatThrownBy(() -> RequiredDevice.requireGpu(four, Map.of("SLURM_LOCALID", "4")))
                .isInstanceOf(UserException.class)
                .hasMessage("distributed.dist_backend nccl: worker 4 of this machine, from 0, sees 4 GPUs;"
                        + " expected is one for each worker: start no more workers than that");
        assertThatCode(() -> RequiredDevice.requireGpu(four, Map.of("LOCAL_RANK", "3")))
                .doesNotThrowAnyException();
        assertThatCode(() -> RequiredDevice.requireGpu(ONE_GPU, Map.of("SLURM_LOCALID", "4")))
                .doesNotThrowAnyException();
    }

    @Test
    void ncclNeedsADriverForTheCudaOfLibtorch() {
        assertThatThrownBy(() -> RequiredDevice.requireDriver(11080, OptionalInt.of(12)))
                .isInstanceOf(UserException.class)
                .hasMessage(
                        "distributed.dist_backend nccl: NVIDIA's driver is made for CUDA 11.8, this libtorch for CUDA 12;"
                                + " install a newer driver");
        assertThatCode(() -> RequiredDevice.requireDriver(12020, OptionalInt.of(12)))
                .doesNotThrowAnyException();
        assertThatCode(() -> RequiredDevice.requireDriver(13000, OptionalInt.of(12)))
                .doesNotThrowAnyException();
        assertThatCode(() -> RequiredDevice.requireDriver(11080, OptionalInt.empty()))
                .doesNotThrowAnyException();
    }

    @Test
    void severalWorkersSumWhereTheirDataAre() {
        assertThatThrownBy(() -> RequiredDevice.requireSums(Backend.RING, "float32", ONE_GPU))
                .isInstanceOf(UserException.class)
                .hasMessage(
                        "distributed.dist_backend: ring sums in the host's memory, and this worker computes on a GPU;"
                                + " use nccl, or hide the GPUs (CUDA_VISIBLE_DEVICES=)");
        assertThatThrownBy(() -> RequiredDevice.requireSums(Backend.NCCL, "bfloat16", ONE_GPU))
                .isInstanceOf(UserException.class)
                .hasMessage("distributed.gradient_dtype: bfloat16 is for distributed.dist_backend ring;"
                        + " NCCL sums in float32 here; set distributed.gradient_dtype=float32");
        assertThatCode(() -> RequiredDevice.requireSums(Backend.NCCL, "float32", ONE_GPU))
                .doesNotThrowAnyException();
        assertThatCode(() -> RequiredDevice.requireSums(Backend.RING, "bfloat16", CPU))
                .doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource({"nccl, 0, NCCL", "ring, 1, RING", "gloo, 1, RING", ", 1, NCCL", ", 0, RING"})
    void theBackendIsTheDevicesUnlessItIsTold(String told, int gpus, Backend backend) {
        assertThat(Backend.of(told, new Torch.Build("2.7.1", true, gpus))).isEqualTo(backend);
    }

    @Test
    void bf16NeedsAGpuThatComputesInIt() {
        assertThatThrownBy(() -> RequiredDevice.requireBf16(ONE_GPU, () -> 75))
                .isInstanceOf(UserException.class)
                .hasMessageEndingWith(
                        "(compute capability 7.5, expected 8.0 or newer); set model.mixed_precision=fp32");
        assertThatCode(() -> RequiredDevice.requireBf16(ONE_GPU, () -> 90)).doesNotThrowAnyException();
        assertThatCode(() -> RequiredDevice.requireBf16(ONE_GPU, () -> 120)).doesNotThrowAnyException();
        assertThatCode(() -> RequiredDevice.requireBf16(CPU, () -> {
                    throw new IllegalStateException("no GPU to ask");
                }))
                .doesNotThrowAnyException();
    }

    @Test
    void aRunTellsWhichGpuItComputesOn() {
        Torch.Build eight = new Torch.Build("2.7.1", true, 8);
        assertThat(RequiredDevice.told(eight, 8, Map.of("LOCAL_RANK", "1"))).contains("computing on GPU 1 of 8");
        assertThat(RequiredDevice.told(ONE_GPU, 1, Map.of("SLURM_LOCALID", "3")))
                .contains("computing on GPU 0 of 1");
    }

    @Test
    void aRunTellsWhyItComputesOnTheCpuWhereAGpuOughtToBe() {
        Torch.Build blind = new Torch.Build("2.7.1", true, 0);
        assertThat(RequiredDevice.told(blind, 0, Map.of()))
                .contains("computing on the CPU: no GPU is to be seen; look what nvidia-smi lists");
        assertThat(RequiredDevice.told(blind, 0, Map.of("CUDA_VISIBLE_DEVICES", "9")))
                .contains("computing on the CPU: no GPU is to be seen (CUDA_VISIBLE_DEVICES=9);"
                        + " look what nvidia-smi lists");
        assertThat(RequiredDevice.told(CPU, 8, Map.of()))
                .contains(
                        "computing on the CPU: this libtorch (2.7.1) is built without CUDA, and the driver shows 8 GPUs;"
                                + " name one that has it (PYTORCH_LIBRARY_PATH=FOLDER PYTORCH_VERSION=2.7.1 PYTORCH_FLAVOR=cu128)");
        assertThat(RequiredDevice.told(CPU, 1, Map.of()).orElseThrow()).contains("shows 1 GPU;");
        assertThat(RequiredDevice.told(CPU, 0, Map.of())).isEmpty();
    }

    @Test
    void theLibtorchOfTheTestsIsTheOneThatTheProjectNames() {
        assertThat(NamedLibtorch.SETTINGS)
                .contains("PYTORCH_VERSION=" + Torch.build().version() + " ");
    }
}

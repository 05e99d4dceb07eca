package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.rekindle.data.UserException;
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
                                + " (PYTORCH_LIBRARY_PATH=FOLDER), or use distributed.dist_backend ring");
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
    void bf16NeedsAGpuThatComputesInIt() {
        assertThatThrownBy(() -> RequiredDevice.requireBf16(ONE_GPU, () -> "75"))
                .isInstanceOf(UserException.class)
                .hasMessageEndingWith(
                        "(compute capability 7.5, expected 8.0 or newer); set model.mixed_precision=fp32");
        assertThatCode(() -> RequiredDevice.requireBf16(ONE_GPU, () -> "90")).doesNotThrowAnyException();
        assertThatCode(() -> RequiredDevice.requireBf16(ONE_GPU, () -> "120")).doesNotThrowAnyException();
        assertThatCode(() -> RequiredDevice.requireBf16(CPU, () -> {
                    throw new IllegalStateException("no GPU to ask");
                }))
                .doesNotThrowAnyException();
    }

    @Test
    void theLibtorchOfTheTestsIsTheOneThatTheProjectNames() {
        assertThat(Torch.build().version()).startsWith("2.7");
    }
}

package org.rekindle.worker.torchscript;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.UserException;
import org.rekindle.worker.collectives.FakeNccl;

/** Which device a worker computes on, and where its memory is. */
class DeviceTest {

    @TempDir
    Path folder;

    @Test
    void theMemoryOfATensorIsThatOfItsElements() {
        try (NDManager manager = Torch.manager();
                NDArray tensor = Tensors.of(manager, new Shape(2, 1, 3), 1f, 2f, 3f, 4f, 5f, 6f)) {
            ByteBuffer memory = Tensors.memory(tensor);
            assertThat(memory.remaining()).isEqualTo(24);
            assertThat(memory.order()).isEqualTo(ByteOrder.nativeOrder());
            assertThat(memory.getFloat(8)).isEqualTo(3);
            memory.putFloat(20, 60);
            assertThat(tensor.toFloatArray()).containsExactly(1, 2, 3, 4, 5, 60);

            try (NDArray row = tensor.get(1)) {
                assertThat(Tensors.memory(row).getFloat(0)).isEqualTo(4);
            }
            try (NDArray scalar = Tensors.scalar(manager, 7f)) {
                assertThat(Tensors.memory(scalar).getFloat(0)).isEqualTo(7);
            }
        }
    }

    @Test
    void libtorchHeedsTheLogLevelOfTheEnvironment() {
        assertThat(System.getenv("TORCH_CPP_LOG_LEVEL")).as("set by the POM").isEqualTo("ERROR");
        Torch.init(null);
        Pointer level = NativeLibrary.getInstance(Torch.file("c10").toString())
                .getGlobalVariableAddress("FLAGS_caffe2_log_level");
        assertThat(level.getInt(0)).isEqualTo(2); // after INFO and WARNING, the default
    }

    @Test
    void elementsInAnotherOrderHaveNoMemoryToPassOn() {
        try (NDManager manager = Torch.manager();
                NDArray tensor = manager.zeros(new Shape(2, 3));
                NDArray transposed = tensor.transpose()) {
            assertThatThrownBy(() -> Tensors.memory(transposed))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("the elements of a tensor (3, 2) are not in row-major order");
        }
    }

    @ParameterizedTest
    @CsvSource({"8, LOCAL_RANK, 5, 5", "8, SLURM_LOCALID, 7, 7", "1, SLURM_LOCALID, 3, 0", "2, OTHER, 1, 0"})
    void aWorkerTakesTheGpuOfItsPlaceOrTheOnlyOneThatItSees(int gpus, String variable, String place, int gpu) {
        assertThat(Torch.gpu(gpus, Map.of(variable, place))).isEqualTo(gpu);
    }

    @Test
    void aThreadWorksInTheContextThatTheRuntimeHasOfAGpu() throws InterruptedException {
        FakeNccl fake = FakeNccl.required(FakeNccl.compile(folder)).reset();
        CudaDriver.use(fake.driver(), 3);
        assertThat(fake.calls()).containsExactly("context of device 103", "current context 1103");
        assertThat(CudaDriver.version(fake.driver())).isEqualTo(12080);

        fake.answers("cuDeviceGet", -1, 700);
        assertThatThrownBy(() -> CudaDriver.use(fake.driver(), 4))
                .isInstanceOf(UserException.class)
                .hasMessage("cuDeviceGet failed with CUDA's error 700, an illegal memory access was encountered");
    }

    @Test
    void theDriverTellsOfItsGpus() throws InterruptedException {
        FakeNccl fake = FakeNccl.required(FakeNccl.compile(folder)).reset();
        assertThat(CudaDriver.gpus(fake.driver())).isEqualTo(8);
        assertThat(CudaDriver.capability(fake.driver(), 3)).isEqualTo(123);
        assertThat(CudaDriver.memory(fake.driver())).isEqualTo(new CudaDriver.Memory(40 << 20, 80 << 20));

        fake.answers("cuDeviceGetAttribute", -1, 0, 700);
        assertThatThrownBy(() -> CudaDriver.capability(fake.driver(), 3))
                .isInstanceOf(UserException.class)
                .hasMessageStartingWith("cuDeviceGetAttribute failed with CUDA's error 700");
        fake.answers("cuMemGetInfo", -1, 700);
        assertThatThrownBy(() -> CudaDriver.memory(fake.driver()))
                .isInstanceOf(UserException.class)
                .hasMessageStartingWith("cuMemGetInfo failed with CUDA's error 700");
    }

    @ParameterizedTest
    @CsvSource({"cuInit, 100", "cuInit, 999", "cuDeviceGetCount, 3"})
    void aDriverThatCannotTellShowsNoGpu(String function, int result) throws InterruptedException {
        FakeNccl fake = FakeNccl.required(FakeNccl.compile(folder)).reset().answers(function, -1, result);
        assertThat(CudaDriver.gpus(fake.driver())).isZero();
    }

    @ParameterizedTest
    @CsvSource({"libcudart.so.12, 12", "libcudart-9335f6a2.so.12, 12", "libcudart.so.11.0, 11", "libc10.so,"})
    void theCudaOfALibtorchIsThatOfTheRuntimeItNeeds(String needed, Integer major) throws IOException {
        Files.write(
                folder.resolve(System.mapLibraryName("c10_cuda")),
                ("\177ELF\0libm.so.6\0" + needed + "\0\u00ff").getBytes(StandardCharsets.ISO_8859_1));
        assertThat(Torch.cudaMajor(folder)).isEqualTo(major == null ? OptionalInt.empty() : OptionalInt.of(major));
    }

    @Test
    void aLibtorchWithoutCudaNamesNone() {
        assertThat(Torch.cudaMajor()).isEmpty();
    }
}

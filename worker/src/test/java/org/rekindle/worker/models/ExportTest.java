package org.rekindle.worker.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptArchive;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Torch;

/** Archives with weights, opened by libtorch as anybody would open them. */
class ExportTest {

    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource(ComputeType.class)
    void archiveComputesWhatTheModelComputes(ComputeType precision) throws IOException {
        Golden golden = Golden.open("unet_conv_projection");
        Path archive = write(golden, precision, "unet.pt");
        try (NDManager manager = Torch.manager()) {
            PtSymbolBlock block =
                    JniUtils.loadModule((PtNDManager) manager, archive, true, new String[0], new String[0], true);
            NDArray output = IValueUtils.forward(
                            block,
                            new NDList(
                                    golden.array(manager, "input.sample"),
                                    golden.array(manager, "input.timestep"),
                                    golden.array(manager, "input.encoder_hidden_states")),
                            true)
                    .singletonOrThrow();
            float[] actual = output.toFloatArray();
            float[] expected = golden.floats("output.sample");
            for (int i = 0; i < expected.length; i++) {
                assertThat((double) actual[i])
                        .isCloseTo(expected[i], within(precision == ComputeType.FP32 ? 1e-4 : 0.1));
            }
        }
    }

    @Test
    void bfloat16ArchiveIsHalfAsLarge() throws IOException {
        Golden golden = Golden.open("unet_conv_projection");
        long full = Files.size(write(golden, ComputeType.FP32, "full.pt"));
        long half = Files.size(write(golden, ComputeType.BF16, "half.pt"));
        long elements = golden.weights().names().stream()
                .mapToLong(name -> golden.weights().tensor(name).size())
                .sum();
        assertThat((double) (full - half) / elements).isCloseTo(2, within(0.05));
    }

    @Test
    void sameModelGivesSameBytes() throws IOException {
        Golden golden = Golden.open("clip_gelu");
        assertThat(write(golden, ComputeType.FP32, "a.pt"))
                .hasSameBinaryContentAs(write(golden, ComputeType.FP32, "b.pt"));
    }

    private Path write(Golden golden, ComputeType precision, String file) throws IOException {
        String className = golden.config().path("_class_name").asText("CLIPTextModel");
        ScriptModule root = Models.compile(className, golden.config(), precision);
        Path archive = folder.resolve(file);
        try (OutputStream out = Files.newOutputStream(archive)) {
            ScriptArchive.write(
                    root, name -> FloatBuffer.wrap(golden.weights().tensor(name).floats()), precision, out);
        }
        return archive;
    }
}

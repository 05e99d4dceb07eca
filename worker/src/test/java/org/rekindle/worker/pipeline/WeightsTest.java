package org.rekindle.worker.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;
import org.rekindle.data.safetensors.DType;
import org.rekindle.worker.models.Models;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

class WeightsTest {

    @TempDir
    Path folder;

    private NDManager manager;
    private ScriptModule script;
    private TorchModule module;

    @BeforeEach
    void compile() {
        manager = Torch.manager();
        script = Models.compile(
                "CLIPTextModel",
                TinyPipeline.textEncoder().put("vocab_size", 20).put("max_position_embeddings", 4),
                ComputeType.FP32);
        module = TorchModule.load(manager, script);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void halvesAndBrainFloatsBecomeFloats() throws IOException {
        for (DType dtype : new DType[] {DType.F16, DType.BF16}) {
            short one = (short) (dtype == DType.F16 ? 0x3C00 : 0x3F80);
            SafetensorsWriter writer = new SafetensorsWriter();
            module.parameters().forEach((name, parameter) -> {
                ByteBuffer bytes =
                        ByteBuffer.allocate((int) parameter.size() * 2).order(ByteOrder.LITTLE_ENDIAN);
                while (bytes.hasRemaining()) {
                    bytes.putShort(one);
                }
                writer.add(name, dtype, parameter.getShape().getShape(), bytes.flip());
            });
            load(writer);
            module.parameters().values().forEach(p -> assertThat(p.toFloatArray())
                    .containsOnly(1f));
        }
    }

    @Test
    void namesWithAndWithoutPrefixAndPositionIdsAreAccepted() throws IOException {
        SafetensorsWriter bare = new SafetensorsWriter();
        SafetensorsWriter prefixed = new SafetensorsWriter();
        Weights.copyToHost(module).forEach((name, tensor) -> {
            String short_ = name.replaceFirst("^text_model\\.", "");
            bare.add(short_, tensor.shape(), filled(tensor, 2));
            prefixed.add("text_model." + short_, tensor.shape(), filled(tensor, 3));
        });
        prefixed.add("text_model.embeddings.position_ids", DType.I64, new long[] {1, 1}, ByteBuffer.allocate(8));
        load(bare);
        module.parameters().values().forEach(p -> assertThat(p.toFloatArray()).containsOnly(2f));
        load(prefixed);
        module.parameters().values().forEach(p -> assertThat(p.toFloatArray()).containsOnly(3f));
    }

    @Test
    void theFilesValuesGoByTheNamesOfTheParameters() throws IOException {
        SafetensorsWriter bare = new SafetensorsWriter();
        Weights.copyToHost(module).forEach((name, tensor) -> {
            bare.add(name.replaceFirst("^text_model\\.", ""), tensor.shape(), filled(tensor, 2));
        });
        Path path = folder.resolve("bare.safetensors");
        bare.write(path);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            Function<String, FloatBuffer> values = Weights.of(script, file, "text_encoder");
            assertThat(values.apply("text_model.final_layer_norm.bias").get(3)).isEqualTo(2f);
        }
    }

    @Test
    void aTensorUnderTwoNamesIsRefused() {
        Map<String, Weights.HostTensor> tensors = new HashMap<>(Weights.copyToHost(module));
        String name = "text_model.final_layer_norm.bias";
        tensors.put("final_layer_norm.bias", tensors.get(name));
        assertRefused(tensors, "holds tensor " + name + " twice, as final_layer_norm.bias and as " + name);
    }

    @Test
    void missingExtraAndMisshapenTensorsAreNamedAndNothingIsLoaded() {
        Map<String, Weights.HostTensor> tensors = new HashMap<>(Weights.copyToHost(module));
        tensors.replaceAll((name, tensor) -> new Weights.HostTensor(tensor.shape(), filled(tensor, 9)));
        String name = tensors.keySet().stream().sorted().findFirst().orElseThrow();
        Weights.HostTensor tensor = tensors.get(name);

        tensors.remove(name);
        assertRefused(tensors, "lacks tensor " + name);
        tensors.put("a.stranger", tensor);
        assertRefused(
                tensors, "lacks tensor " + name + " that its config.json asks for and holds tensor a.stranger unknown");
        tensors.put(name, tensor);
        assertRefused(tensors, "holds tensor a.stranger");
        tensors.remove("a.stranger");
        tensors.put(name, new Weights.HostTensor(new long[] {tensor.values().length, 1, 1}, tensor.values()));
        assertRefused(tensors, "tensor " + name + " of ");
    }

    @Test
    void integersAreRefused() {
        SafetensorsWriter writer = new SafetensorsWriter();
        Weights.copyToHost(module)
                .forEach((name, tensor) ->
                        writer.add(name, DType.I32, tensor.shape(), ByteBuffer.allocate(4 * tensor.values().length)));
        assertThatThrownBy(() -> load(writer)).isInstanceOf(UserException.class).hasMessageContaining("has dtype I32");
    }

    private void assertRefused(Map<String, Weights.HostTensor> tensors, String message) {
        assertThatThrownBy(() -> load(Weights.writer(tensors)))
                .isInstanceOf(UserException.class)
                .hasMessageStartingWith("text_encoder: ")
                .hasMessageContaining(message);
        module.parameters().values().forEach(p -> assertThat(p.toFloatArray()).containsOnly(0f));
    }

    private void load(SafetensorsWriter writer) throws IOException {
        Path file = folder.resolve("model.safetensors");
        writer.write(file);
        try (SafetensorsFile weights = SafetensorsFile.open(file)) {
            Weights.load(module, weights, "text_encoder");
        }
    }

    private static float[] filled(Weights.HostTensor tensor, float value) {
        float[] values = tensor.values().clone();
        java.util.Arrays.fill(values, value);
        return values;
    }
}

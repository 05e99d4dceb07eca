package org.rekindle.worker.models;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/** Forward passes and gradients against what diffusers and transformers compute. */
class ModelGoldenTest {

    private static final double FORWARD = 1e-4;
    private static final double GRADIENT = 1e-3;
    private static final double BF16_FORWARD = 0.05;

    private final NDManager manager = Torch.manager();

    @AfterEach
    void close() {
        manager.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"unet_conv_projection", "unet_linear_projection", "unet_lists", "unet_only_cross_attention"})
    void unetAgreesWithDiffusers(String name) {
        Golden golden = Golden.open(name);
        ScriptModule root = Models.compile("UNet2DConditionModel", golden.config(), ComputeType.FP32);
        compare(golden, root, Map.of("sample", new Call("forward", "sample", "timestep", "encoder_hidden_states")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"vae_three_blocks", "vae_plain", "vae_old_names"})
    void autoencoderAgreesWithDiffusers(String name) {
        Golden golden = Golden.open(name);
        ScriptModule root = Models.compile("AutoencoderKL", golden.config(), ComputeType.FP32);
        compare(golden, root, Map.of("moments", new Call("encode", "image"), "image", new Call("decode", "latents")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"clip_quick_gelu", "clip_gelu"})
    void textEncoderAgreesWithTransformers(String name) {
        Golden golden = Golden.open(name);
        ScriptModule root = Models.compile("CLIPTextModel", golden.config(), ComputeType.FP32);
        compare(golden, root, Map.of("last_hidden_state", new Call("forward", "input_ids")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"t5_relu", "t5_gated_gelu", "t5_gelu"})
    void t5EncoderAgreesWithTransformers(String name) {
        Golden golden = Golden.open(name);
        ScriptModule root = Models.compile("T5EncoderModel", golden.config(), ComputeType.FP32);
        compare(golden, root, Map.of("last_hidden_state", new Call("forward", "input_ids")));
    }

    @Test
    void bfloat16StaysNearFloat32() {
        Golden golden = Golden.open("unet_conv_projection");
        TorchModule module = load(golden, Models.compile("UNet2DConditionModel", golden.config(), ComputeType.BF16));
        NDArray output = new Call("forward", "sample", "timestep", "encoder_hidden_states").run(golden, module);
        float[] actual = output.toFloatArray();
        assertThat(largestError(actual, golden.floats("output.sample"))).isBetween(1e-5, BF16_FORWARD);
    }

    @Test
    void t5InBfloat16StaysNearFloat32() {
        Golden golden = Golden.open("t5_gated_gelu");
        TorchModule module = load(golden, Models.compile("T5EncoderModel", golden.config(), ComputeType.BF16));
        float[] actual = new Call("forward", "input_ids").run(golden, module).toFloatArray();
        assertThat(largestError(actual, golden.floats("output.last_hidden_state")))
                .isBetween(1e-5, BF16_FORWARD);
    }

    private record Call(String method, String... inputs) {
        NDArray run(Golden golden, TorchModule module) {
            NDManager scope = module.parameters().values().iterator().next().getManager();
            List<NDArray> arguments = new ArrayList<>();
            for (String input : inputs) {
                arguments.add(golden.array(scope, "input." + input));
            }
            return module.call(scope, method, arguments.toArray()).singletonOrThrow();
        }
    }

    private TorchModule load(Golden golden, ScriptModule root) {
        TorchModule module = TorchModule.load(manager, root);
        golden.copyWeightsTo(module);
        return module;
    }

    private void compare(Golden golden, ScriptModule root, Map<String, Call> calls) {
        TorchModule module = load(golden, root);
        module.setTrainable(true);
        calls.forEach((name, call) -> {
            NDArray output = Torch.withGrad(() -> call.run(golden, module));
            assertThat(largestError(output.toFloatArray(), golden.floats("output." + name)))
                    .as("relative to the maximum of %s", name)
                    .isLessThan(FORWARD);
            NDArray target = golden.array(manager, "target." + name);
            NDArray loss = Torch.withGrad(() -> output.sub(target).square().mean());
            Torch.backward(loss);
        });
        assertThat(golden.gradients()).hasSizeGreaterThan(10);
        for (String name : golden.gradients()) {
            float[] gradient =
                    Torch.gradient(manager, module.parameters().get(name)).toFloatArray();
            assertThat(relativeL2(gradient, golden.floats("gradient." + name)))
                    .as("gradient of %s", name)
                    .isLessThan(GRADIENT);
        }
    }

    private static double largestError(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        double error = 0;
        double largest = 0;
        for (int i = 0; i < actual.length; i++) {
            error = Math.max(error, Math.abs(actual[i] - expected[i]));
            largest = Math.max(largest, Math.abs(expected[i]));
        }
        return error / largest;
    }

    /** With an absolute part, since some gradients are zero but for rounding, such as those of the attention's key biases. */
    private static double relativeL2(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        double error = 0;
        double norm = 0;
        for (int i = 0; i < actual.length; i++) {
            error += Math.pow(actual[i] - expected[i], 2);
            norm += Math.pow(expected[i], 2);
        }
        return Math.sqrt(error) / (Math.sqrt(norm) + 1e-5);
    }
}

package org.rekindle.worker.models;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * Compares a model with a {@link Golden}, that is with what diffusers or transformers computed with the same weights.
 *
 * @param className as {@link Models#compile} takes it
 * @param calls the golden's outputs and the calls that give them
 */
public record ModelComparison(String className, Map<String, Call> calls) {

    public static final ModelComparison UNET = new ModelComparison(
            "UNet2DConditionModel",
            Map.of("sample", new Call("forward", "sample", "timestep", "encoder_hidden_states")));

    public static final ModelComparison AUTOENCODER = new ModelComparison(
            "AutoencoderKL", Map.of("moments", new Call("encode", "image"), "image", new Call("decode", "latents")));

    public static final ModelComparison TEXT_ENCODER =
            new ModelComparison("CLIPTextModel", Map.of("last_hidden_state", new Call("forward", "input_ids")));

    public static final ModelComparison T5_ENCODER = new ModelComparison("T5EncoderModel", TEXT_ENCODER.calls());

    private static final double FORWARD = 1e-4;
    private static final double GRADIENT = 1e-3;

    /**
     * A gradient smaller than this part of all gradients together counts as that large: some are zero but for rounding, such as those of
     * the attention's key biases. Their difference must then be under 3e-8 of the norm.
     */
    private static final double ZERO = 3e-5;

    /** The call of a method with inputs that the golden has under these names. */
    public record Call(String method, String... inputs) {
        private NDArray run(NDManager scope, Golden golden, TorchModule module) {
            List<NDArray> arguments = new ArrayList<>();
            for (String input : inputs) {
                arguments.add(golden.array(scope, "input." + input));
            }
            return module.call(scope, method, arguments.toArray()).singletonOrThrow();
        }
    }

    /** The largest errors that were seen: of outputs relative to their maximum, of parameters' gradients in relative L2. */
    public record Errors(double forward, double gradient) {}

    /**
     * Compares the outputs in fp32 and the gradients of all parameters that the golden has gradients of.
     *
     * @throws AssertionError when an output differs by 1e-4 of its maximum, or a gradient by 1e-3
     */
    public Errors assertAgrees(Golden golden) {
        try (NDManager manager = Torch.manager()) {
            TorchModule module = load(manager, golden, ComputeType.FP32);
            module.setTrainable(true);
            double forward = 0;
            for (Map.Entry<String, Call> call : calls.entrySet()) {
                String name = call.getKey();
                NDArray output = Torch.withGrad(() -> call.getValue().run(manager, golden, module));
                double error = largestError(output.toFloatArray(), golden.floats("output." + name));
                assertThat(error).as("relative to the maximum of %s", name).isLessThan(FORWARD);
                forward = Math.max(forward, error);
                NDArray target = golden.array(manager, "target." + name);
                Torch.backward(Torch.withGrad(() -> output.sub(target).square().mean()));
            }
            assertThat(golden.gradients()).hasSizeGreaterThan(10);
            double rounding = ZERO * norm(golden);
            double gradient = 0;
            for (String name : golden.gradients()) {
                NDArray computed = Torch.gradient(manager, module.parameters().get(name));
                double error = relativeL2(computed.toFloatArray(), golden.floats("gradient." + name), rounding);
                assertThat(error).as("gradient of %s", name).isLessThan(GRADIENT);
                gradient = Math.max(gradient, error);
            }
            return new Errors(forward, gradient);
        }
    }

    /** Returns an output that is computed in bf16, as fp32. */
    public float[] bfloat16(Golden golden, String output) {
        try (NDManager manager = Torch.manager()) {
            TorchModule module = load(manager, golden, ComputeType.BF16);
            return calls.get(output).run(manager, golden, module).toFloatArray();
        }
    }

    private TorchModule load(NDManager manager, Golden golden, ComputeType type) {
        ScriptModule root = Models.compile(className, golden.config(), type);
        TorchModule module = TorchModule.load(manager, root);
        golden.copyWeightsTo(module);
        return module;
    }

    /** The largest difference, relative to the largest value. */
    public static double largestError(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        double error = 0;
        double largest = 0;
        for (int i = 0; i < actual.length; i++) {
            error = Math.max(error, Math.abs(actual[i] - expected[i]));
            largest = Math.max(largest, Math.abs(expected[i]));
        }
        return error / largest;
    }

    private static double norm(Golden golden) {
        double squares = 0;
        for (String name : golden.gradients()) {
            for (float value : golden.floats("gradient." + name)) {
                squares += Math.pow(value, 2);
            }
        }
        return Math.sqrt(squares);
    }

    /** The norm of the difference, relative to the sum of the norm of what is expected and an absolute part. */
    public static double relativeL2(float[] actual, float[] expected, double absolute) {
        assertThat(actual).hasSameSizeAs(expected);
        double error = 0;
        double norm = 0;
        for (int i = 0; i < actual.length; i++) {
            error += Math.pow(actual[i] - expected[i], 2);
            norm += Math.pow(expected[i], 2);
        }
        return Math.sqrt(error) / (Math.sqrt(norm) + absolute);
    }
}

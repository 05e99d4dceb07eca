package org.rekindle.worker.models;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.worker.torchscript.Checkpointing;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

class SegmentCheckpointingTest {

    @ParameterizedTest
    @CsvSource({
        "unet_conv_projection, FP32",
        "unet_conv_projection, BF16",
        "unet_linear_projection, FP32",
        "unet_linear_projection, BF16",
        "unet_lists, FP32",
        "unet_lists, BF16"
    })
    void gradientsAreBitEqualToThoseOfAPlainPass(String name, ComputeType computeType) {
        Golden golden = Golden.open(name);
        UNet2DConditionModel unet = UNet2DConditionModel.of(golden.config(), computeType);
        try (NDManager manager = Torch.manager()) {
            TorchModule module = TorchModule.load(manager, unet);
            golden.copyWeightsTo(module);
            module.setTrainable(true);
            NDArray sample = golden.array(manager, "input.sample");
            NDArray timestep = golden.array(manager, "input.timestep");
            NDArray context = golden.array(manager, "input.encoder_hidden_states");
            NDArray outputGradient = golden.array(manager, "target.sample");

            NDArray plain = Torch.withGrad(() -> module.call(manager, "forward", sample, timestep, context))
                    .singletonOrThrow();
            Torch.backward(List.of(plain), List.of(outputGradient));
            Map<String, float[]> plainGradients = takeGradients(module, manager);

            try (Checkpointing pass = Checkpointing.forward(
                    manager,
                    module,
                    unet.segments(),
                    Set.copyOf(unet.segments()),
                    List.of(sample, timestep),
                    context)) {
                assertThat(pass.output().toFloatArray()).containsExactly(plain.toFloatArray());
                pass.backward(outputGradient, segment -> {});
            }
            assertThat(outputGradient.toFloatArray()).containsExactly(golden.floats("target.sample"));
            assertThat(takeGradients(module, manager))
                    .allSatisfy((parameter, gradient) ->
                            assertThat(gradient).as(parameter).containsExactly(plainGradients.get(parameter)));
        }
    }

    private static Map<String, float[]> takeGradients(TorchModule module, NDManager scope) {
        Map<String, NDArray> live = module.parameters().entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, entry -> Torch.gradient(scope, entry.getValue())));
        Map<String, float[]> copies = live.entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, entry -> entry.getValue().toFloatArray()));
        Torch.zeroGradients(live.values());
        return copies;
    }
}

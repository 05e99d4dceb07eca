package org.rekindle.worker.models;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.GenerationMode;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import org.rekindle.worker.torchscript.Checkpointing;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/** Whichever segments are run again: output and gradients are those of a plain pass, to the bit. */
class SegmentChoiceTest {

    private static final Golden GOLDEN = Golden.open("unet_conv_projection");
    private static final UNet2DConditionModel UNET = UNet2DConditionModel.of(GOLDEN.config(), ComputeType.FP32);
    private static final NDManager MANAGER = Torch.manager();
    private static final TorchModule MODULE = TorchModule.load(MANAGER, UNET);
    private static final float[] OUTPUT;
    private static final Map<String, float[]> GRADIENTS;

    static {
        GOLDEN.copyWeightsTo(MODULE);
        MODULE.setTrainable(true);
        try (NDManager scope = MANAGER.newSubManager()) {
            NDArray plain = Torch.withGrad(() -> MODULE.call(
                            scope,
                            "forward",
                            GOLDEN.array(scope, "input.sample"),
                            GOLDEN.array(scope, "input.timestep"),
                            GOLDEN.array(scope, "input.encoder_hidden_states"))
                    .singletonOrThrow());
            OUTPUT = plain.toFloatArray();
            Torch.backward(List.of(plain), List.of(GOLDEN.array(scope, "target.sample")));
            GRADIENTS = takeGradients(scope);
        }
    }

    @AfterContainer
    static void free() {
        MANAGER.close();
    }

    @Provide
    Arbitrary<Integer> choices() {
        return Arbitraries.integers().between(0, (1 << UNET.segments().size()) - 1);
    }

    @Property(generation = GenerationMode.EXHAUSTIVE)
    void aPassThatRunsSomeSegmentsAgainIsBitEqualToAPlainOne(@ForAll("choices") int choice) {
        List<String> segments = UNET.segments();
        Set<String> recomputed = IntStream.range(0, segments.size())
                .filter(i -> (choice >> i & 1) == 1)
                .mapToObj(segments::get)
                .collect(Collectors.toSet());

        try (NDManager scope = MANAGER.newSubManager();
                Checkpointing pass = Checkpointing.forward(
                        scope,
                        MODULE,
                        segments,
                        recomputed,
                        List.of(GOLDEN.array(scope, "input.sample"), GOLDEN.array(scope, "input.timestep")),
                        GOLDEN.array(scope, "input.encoder_hidden_states"))) {
            assertThat(pass.output().toFloatArray()).containsExactly(OUTPUT);
            Set<String> pending = new HashSet<>(segments);
            pass.backward(GOLDEN.array(scope, "target.sample"), segment -> {
                pending.remove(segment);
                assertThat(unfinished(scope)).isEqualTo(parametersOf(pending));
            });
            assertThat(pending).isEmpty();
            assertThat(takeGradients(scope))
                    .allSatisfy((parameter, gradient) ->
                            assertThat(gradient).as(parameter).containsExactly(GRADIENTS.get(parameter)));
        }
    }

    /** Parameters whose gradients are not yet those of the plain pass, to the bit. */
    private static Set<String> unfinished(NDManager scope) {
        return MODULE.parameters().entrySet().stream()
                .filter(entry -> !Arrays.equals(
                        Torch.gradient(scope, entry.getValue()).toFloatArray(), GRADIENTS.get(entry.getKey())))
                .map(Map.Entry::getKey)
                .collect(Collectors.toSet());
    }

    private static Set<String> parametersOf(Set<String> segments) {
        return MODULE.parameters().keySet().stream()
                .filter(parameter -> segments.contains(UNET.segmentOf(parameter)))
                .collect(Collectors.toSet());
    }

    private static Map<String, float[]> takeGradients(NDManager scope) {
        Map<String, NDArray> live = MODULE.parameters().entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, entry -> Torch.gradient(scope, entry.getValue())));
        Map<String, float[]> copies = live.entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, entry -> entry.getValue().toFloatArray()));
        Torch.zeroGradients(live.values());
        return copies;
    }
}

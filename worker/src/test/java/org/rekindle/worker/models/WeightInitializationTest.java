package org.rekindle.worker.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ParameterSpec;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

class WeightInitializationTest {

    private static final ObjectNode EMPTY = new ObjectMapper().createObjectNode();

    private final Map<String, ParameterSpec> unet =
            UNet2DConditionModel.of(EMPTY, ComputeType.FP32).stateDict();
    private final Map<String, ParameterSpec> clip =
            CLIPTextModel.of(EMPTY, ComputeType.FP32).stateDict();

    @Test
    void convolutionsAreUniformWithinOneOverTheRootOfFanIn() {
        double bound = 1 / Math.sqrt(4 * 3 * 3);
        assertUniform(draw(unet, "conv_in.weight", 1), bound); // (320, 4, 3, 3)
        assertUniform(draw(unet, "conv_in.bias", 1), bound);
    }

    @Test
    void linearLayersAreUniformWithinOneOverTheRootOfFanIn() {
        assertUniform(draw(unet, "time_embedding.linear_1.weight", 1), 1 / Math.sqrt(320));
        assertUniform(draw(unet, "time_embedding.linear_1.bias", 1), 1 / Math.sqrt(320));
    }

    @Test
    void normsStartAsIdentity() {
        assertThat(draw(unet, "conv_norm_out.weight", 1)).containsOnly(1f);
        assertThat(draw(unet, "conv_norm_out.bias", 1)).containsOnly(0f);
    }

    @Test
    void textEncoderIsNormalAsTransformersHasIt() {
        String layer = "text_model.encoder.layers.3.";
        assertNormal(draw(clip, "text_model.embeddings.position_embedding.weight", 1), 0.02);
        assertNormal(draw(clip, layer + "self_attn.q_proj.weight", 1), 1 / Math.sqrt(512 * 24));
        assertNormal(draw(clip, layer + "self_attn.out_proj.weight", 1), 1 / Math.sqrt(512));
        assertNormal(draw(clip, layer + "mlp.fc1.weight", 1), 1 / Math.sqrt(1024));
        assertNormal(draw(clip, layer + "mlp.fc2.weight", 1), 1 / Math.sqrt(512 * 24));
        assertThat(draw(clip, layer + "mlp.fc2.bias", 1)).containsOnly(0f);
    }

    @Test
    void t5IsNormalAsTransformersHasIt() {
        Map<String, ParameterSpec> t5 = T5EncoderModel.of(
                        EMPTY.deepCopy().put("initializer_factor", 0.5).put("feed_forward_proj", "gated-gelu"),
                        ComputeType.FP32)
                .stateDict();
        String attention = "encoder.block.0.layer.0.SelfAttention.";
        String dense = "encoder.block.3.layer.1.DenseReluDense.";
        assertNormal(draw(t5, attention + "q.weight", 1), 0.5 / Math.sqrt(512 * 64));
        assertNormal(draw(t5, attention + "k.weight", 1), 0.5 / Math.sqrt(512));
        assertNormal(draw(t5, attention + "v.weight", 1), 0.5 / Math.sqrt(512));
        assertNormal(draw(t5, attention + "o.weight", 1), 0.5 / Math.sqrt(8 * 64));
        assertMoments(draw(t5, attention + "relative_attention_bias.weight", 1), 0.5 / Math.sqrt(512));
        assertNormal(draw(t5, dense + "wi_0.weight", 1), 0.5 / Math.sqrt(512));
        assertNormal(draw(t5, dense + "wi_1.weight", 1), 0.5 / Math.sqrt(512));
        assertNormal(draw(t5, dense + "wo.weight", 1), 0.5 / Math.sqrt(2048));
        assertNormal(draw(t5, "shared.weight", 1), 0.5);
        assertThat(draw(t5, "encoder.final_layer_norm.weight", 1)).containsOnly(0.5f);
    }

    @Test
    void valuesDependOnSeedAndNameAlone() {
        String name = "time_embedding.linear_2.bias";
        assertThat(draw(unet, name, 1)).containsExactly(draw(unet, name, 1)).isNotEqualTo(draw(unet, name, 2));
        ParameterSpec spec = unet.get(name);
        assertThat(WeightInitialization.draw("a", spec, 1)).isNotEqualTo(WeightInitialization.draw("b", spec, 1));
    }

    @Test
    void fillReachesEveryParameterOfTheModule() {
        Golden golden = Golden.open("clip_gelu");
        ScriptModule root = CLIPTextModel.of(golden.config(), ComputeType.FP32);
        try (NDManager manager = Torch.manager()) {
            TorchModule module = TorchModule.load(manager, root);
            WeightInitialization.fill(module, root, 7);
            root.stateDict().forEach((name, spec) -> assertThat(
                            module.parameters().get(name).toFloatArray())
                    .as(name)
                    .containsExactly(WeightInitialization.draw(name, spec, 7)));
        }
    }

    private static float[] draw(Map<String, ParameterSpec> specs, String name, long seed) {
        return WeightInitialization.draw(name, specs.get(name), seed);
    }

    private static void assertUniform(float[] values, double bound) {
        double largest = doubles(values).map(Math::abs).max().orElseThrow();
        assertThat(largest).isLessThanOrEqualTo(bound).isGreaterThan(0.98 * bound);
        assertMoments(values, bound / Math.sqrt(3));
    }

    private static void assertNormal(float[] values, double standardDeviation) {
        double outside =
                doubles(values).filter(v -> Math.abs(v) > 2 * standardDeviation).count();
        assertThat(outside / values.length).isCloseTo(0.0455, within(0.01));
        assertMoments(values, standardDeviation);
    }

    private static void assertMoments(float[] values, double standardDeviation) {
        double mean = doubles(values).average().orElseThrow();
        double variance = doubles(values).map(v -> v * v).average().orElseThrow() - mean * mean;
        assertThat(mean).isCloseTo(0, within(5 * standardDeviation / Math.sqrt(values.length)));
        assertThat(Math.sqrt(variance) / standardDeviation).isCloseTo(1, within(5 / Math.sqrt(values.length)));
    }

    private static DoubleStream doubles(float[] values) {
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]);
    }
}

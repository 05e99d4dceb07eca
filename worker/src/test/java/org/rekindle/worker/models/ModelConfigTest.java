package org.rekindle.worker.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.UserException;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptModule;

class ModelConfigTest {

    @Test
    void stableDiffusion1HasItsNumberOfParameters() {
        assertThat(parameters("UNet2DConditionModel", "{cross_attention_dim: 768}"))
                .isEqualTo(859_520_964L);
        assertThat(parameters("AutoencoderKL", """
                        {block_out_channels: [128, 256, 512, 512], layers_per_block: 2,
                         down_block_types: [DownEncoderBlock2D, DownEncoderBlock2D, DownEncoderBlock2D, DownEncoderBlock2D],
                         up_block_types: [UpDecoderBlock2D, UpDecoderBlock2D, UpDecoderBlock2D, UpDecoderBlock2D]}
                        """)).isEqualTo(83_653_863L);
        assertThat(parameters("CLIPTextModel", "{hidden_size: 768, intermediate_size: 3072, num_attention_heads: 12}"))
                .isEqualTo(123_060_480L);
    }

    @Test
    void stableDiffusion2HasItsNumberOfParameters() {
        assertThat(parameters("UNet2DConditionModel", """
                        {cross_attention_dim: 1024, attention_head_dim: [5, 10, 20, 20], use_linear_projection: true,
                         upcast_attention: true, sample_size: 96, _diffusers_version: 0.8.0}
                        """)).isEqualTo(865_910_724L);
        assertThat(parameters("CLIPTextModel", """
                        {hidden_size: 1024, intermediate_size: 4096, num_attention_heads: 16, num_hidden_layers: 23, hidden_act: gelu,
                         projection_dim: 512}
                        """)).isEqualTo(340_387_840L);
    }

    /** Converters and diffusers' EMA leave these in a config; none changes the model. */
    @Test
    void keysWithoutEffectAreAccepted() {
        long plain = parameters("UNet2DConditionModel", "{}");
        assertThat(parameters("UNet2DConditionModel", """
                        {upcast_attention: null, only_cross_attention: null, mid_block_only_cross_attention: true, sample_size: [64, 48],
                         dropout: 0.0, class_embed_type: null, decay: 0.9999, inv_gamma: 1.0, optimization_step: 100, power: 0.75}
                        """)).isEqualTo(plain);
    }

    @ParameterizedTest
    @CsvSource({"true, FP32", "false, BF16", "null, BF16", ", BF16"})
    void forceUpcastMakesTheAutoencoderComputeInFloat32(String value, ComputeType expected) {
        ObjectNode config = json(value == null ? "{}" : "{force_upcast: " + value + "}");
        assertThat(AutoencoderKL.of(config, ComputeType.BF16).computeType()).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "UNet2DConditionModel | {down_block_types: [AttnDownBlock2D]} | down_block_types | DownBlock2D, CrossAttnDownBlock2D",
                "UNet2DConditionModel | {block_out_channels: [32]} | down_block_types | 1",
                "UNet2DConditionModel | {act_fn: tanh} | act_fn | silu, swish, gelu, mish, relu",
                "UNet2DConditionModel | {mid_block_type: null} | mid_block_type | UNetMidBlock2DCrossAttn",
                "UNet2DConditionModel | {mid_block_type: UNetMidBlock2D} | mid_block_type | UNetMidBlock2DCrossAttn",
                "UNet2DConditionModel | {attention_head_dim: [8, 8]} | attention_head_dim | 4",
                "UNet2DConditionModel | {attention_head_dim: 321} | attention_head_dim | at most",
                "UNet2DConditionModel | {attention_head_dim: null} | attention_head_dim | whole number",
                "UNet2DConditionModel | {num_attention_heads: 8} | num_attention_heads | null",
                "UNet2DConditionModel | {cross_attention_dim: [768]} | cross_attention_dim | 4",
                "UNet2DConditionModel | {transformer_layers_per_block: [[1], [1], [1], [1]]} | transformer_layers_per_block | whole numbers",
                "UNet2DConditionModel | {dual_cross_attention: true} | dual_cross_attention | false",
                "UNet2DConditionModel | {dropout: 0.1} | dropout | 0",
                "UNet2DConditionModel | {norm_num_groups: null} | norm_num_groups | whole number",
                "UNet2DConditionModel | {addition_embed_type: text_time} | addition_embed_type | null",
                "UNet2DConditionModel | {up_block_types: null} | up_block_types | UpBlock2D, CrossAttnUpBlock2D",
                "UNet2DConditionModel | {norm_num_groups: 31} | norm_num_groups | divisor",
                "UNet2DConditionModel | {class_embed_type: timestep} | class_embed_type | null",
                "UNet2DConditionModel | {only_cross_attention: [true]} | only_cross_attention | a list of 4",
                "UNet2DConditionModel | {only_cross_attention: [true, 1, true, true]} | only_cross_attention | a list of 4",
                "UNet2DConditionModel | {upcast_attention: maybe} | upcast_attention | true, false",
                "UNet2DConditionModel | {resnet_time_scale_shift: spatial} | resnet_time_scale_shift | default, scale_shift",
                "UNet2DConditionModel | {layers_per_block: two} | layers_per_block | whole number",
                "UNet2DConditionModel | {layers_per_block: 0} | layers_per_block | at least 1",
                "UNet2DConditionModel | {block_out_channels: []} | block_out_channels | positive whole numbers",
                "UNet2DConditionModel | {layer_per_block: 2} | layer_per_block | remove",
                "AutoencoderKL | {up_block_types: [AttnUpDecoderBlock2D]} | up_block_types | UpDecoderBlock2D",
                "AutoencoderKL | {latent_channels: 4.5} | latent_channels | whole number",
                "AutoencoderKL | {mid_block_add_attention: maybe} | mid_block_add_attention | true, false",
                "AutoencoderKL | {scaling_factor: 0} | scaling_factor | above 0",
                "AutoencoderKL | {scaling_factor: big} | scaling_factor | a number",
                "AutoencoderKL | {in_channels: 1} | in_channels | 3",
                "AutoencoderKL | {act_fn: tanh} | act_fn | silu, swish, gelu, mish, relu",
                "CLIPTextModel | {attention_dropout: 0.1} | attention_dropout | 0",
                "CLIPTextModel | {hidden_act: relu} | hidden_act | quick_gelu, gelu",
                "CLIPTextModel | {num_attention_heads: 7} | num_attention_heads | divisor",
                "T5EncoderModel | {} | T5EncoderModel | UNet2DConditionModel, AutoencoderKL, CLIPTextModel",
            })
    void unsupportedValuesAreRefusedByKeyInOneLine(String className, String config, String key, String supported) {
        assertThatThrownBy(() -> compile(className, config))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(key)
                .hasMessageContaining(supported)
                .message()
                .doesNotContain("\n");
    }

    private static long parameters(String className, String config) {
        return compile(className, config).stateDict().values().stream()
                .mapToLong(spec -> spec.shape().size())
                .sum();
    }

    private static ScriptModule compile(String className, String config) {
        return Models.compile(className, json(config), ComputeType.FP32);
    }

    private static ObjectNode json(String config) {
        String quoted = config.replaceAll("([A-Za-z_][A-Za-z0-9_.]*|\\d+\\.\\d+\\.\\d+)", "\"$1\"")
                .replaceAll("\"(true|false|null)\"", "$1");
        try {
            return (ObjectNode) new ObjectMapper().readTree(quoted);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(quoted, e);
        }
    }
}

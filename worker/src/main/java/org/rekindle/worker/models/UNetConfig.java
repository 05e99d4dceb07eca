package org.rekindle.worker.models;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * What a {@code config.json} of diffusers' {@code UNet2DConditionModel} says, checked. Lists have an entry for each resolution, highest
 * first.
 *
 * @param heads attention heads. They are what diffusers calls {@code attention_head_dim}: a misnomer kept for old checkpoints
 */
record UNetConfig(
        int inChannels,
        int outChannels,
        boolean centerInputSample,
        boolean flipSinToCos,
        double freqShift,
        List<Boolean> downAttention,
        List<Boolean> upAttention,
        List<Integer> channels,
        List<Integer> layers,
        List<Integer> heads,
        List<Integer> transformerLayers,
        int crossAttentionDim,
        boolean linearProjection,
        int downsamplePadding,
        double midScale,
        Norm norm) {

    private static final String CROSS_DOWN = "CrossAttnDownBlock2D";
    private static final String CROSS_UP = "CrossAttnUpBlock2D";

    static UNetConfig of(ObjectNode json) {
        ConfigValues values = new ConfigValues(UNet2DConditionModel.CLASS_NAME, json);
        List<Integer> channels = values.integerList("block_out_channels", List.of(320, 640, 1280, 1280));
        int blocks = channels.size();
        List<String> down = values.words(
                "down_block_types",
                List.of(CROSS_DOWN, CROSS_DOWN, CROSS_DOWN, "DownBlock2D"),
                "DownBlock2D",
                CROSS_DOWN);
        List<String> up = values.words(
                "up_block_types", List.of("UpBlock2D", CROSS_UP, CROSS_UP, CROSS_UP), "UpBlock2D", CROSS_UP);
        if (down.size() != blocks) {
            throw values.unsupported("down_block_types", "as many as block_out_channels has, " + blocks);
        }
        if (up.size() != blocks) {
            throw values.unsupported("up_block_types", "as many as block_out_channels has, " + blocks);
        }
        List<Integer> heads = values.integers("attention_head_dim", 8, blocks);
        int groups = values.integer("norm_num_groups", 32, 1);
        UNetConfig config = new UNetConfig(
                values.integer("in_channels", 4, 1),
                values.integer("out_channels", 4, 1),
                values.flag("center_input_sample", false),
                values.flag("flip_sin_to_cos", true),
                values.number("freq_shift", 0),
                down.stream().map(CROSS_DOWN::equals).toList(),
                up.stream().map(CROSS_UP::equals).toList(),
                channels,
                values.integers("layers_per_block", 2, blocks),
                heads,
                values.integers("transformer_layers_per_block", 1, blocks),
                values.integer("cross_attention_dim", 1280, 1),
                values.flag("use_linear_projection", false),
                values.integer("downsample_padding", 1, 0),
                values.number("mid_block_scale_factor", 1),
                new Norm(groups, values.number("norm_eps", 1e-5)));
        values.divides("norm_num_groups", groups, "block_out_channels", channels);
        for (int i = 0; i < blocks; i++) {
            boolean attends =
                    down.get(i).equals(CROSS_DOWN) || up.get(blocks - 1 - i).equals(CROSS_UP) || i == blocks - 1;
            if (attends) {
                values.divides("attention_head_dim", heads.get(i), "block_out_channels", List.of(channels.get(i)));
            }
        }
        refuseOthers(values);
        return config;
    }

    private static void refuseOthers(ConfigValues values) {
        values.word("act_fn", "silu", "swish");
        values.word("mid_block_type", "UNetMidBlock2DCrossAttn");
        values.word("time_embedding_type", "positional");
        values.word("resnet_time_scale_shift", "default");
        values.word("attention_type", "default");
        values.only("dropout", 0);
        values.only("resnet_out_scale_factor", 1);
        values.only("conv_in_kernel", 3);
        values.only("conv_out_kernel", 3);
        for (String off : List.of(
                "only_cross_attention",
                "dual_cross_attention",
                "class_embeddings_concat",
                "resnet_skip_time_act",
                "mid_block_only_cross_attention")) {
            values.only(off, false);
        }
        for (String off : List.of(
                "reverse_transformer_layers_per_block",
                "encoder_hid_dim",
                "encoder_hid_dim_type",
                "num_attention_heads",
                "class_embed_type",
                "addition_embed_type",
                "addition_time_embed_dim",
                "num_class_embeds",
                "time_embedding_dim",
                "time_embedding_act_fn",
                "timestep_post_act",
                "time_cond_proj_dim",
                "projection_class_embeddings_input_dim",
                "cross_attention_norm")) {
            values.only(off);
        }
        // sample_size is the pipeline's default; scaled_dot_product_attention keeps its softmax in fp32 whatever
        // upcast_attention says
        values.ignore("sample_size", "upcast_attention", "addition_embed_type_num_heads");
        values.refuseUnknown();
    }

    int blocks() {
        return channels.size();
    }

    /** Width of the time embedding inside the blocks. */
    int timeChannels() {
        return 4 * channels.get(0);
    }

    /** The attention of a resolution, counted from the highest. */
    Transformer2DModel.Spec attention(int resolution) {
        return new Transformer2DModel.Spec(
                heads.get(resolution), crossAttentionDim, transformerLayers.get(resolution), linearProjection);
    }
}

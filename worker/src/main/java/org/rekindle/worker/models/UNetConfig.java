package org.rekindle.worker.models;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * What a {@code config.json} of diffusers' {@code UNet2DConditionModel} says, checked. Lists have an entry for each resolution, highest
 * first.
 *
 * @param heads attention heads. They are what diffusers calls {@code attention_head_dim}: a misnomer kept for old checkpoints
 * @param onlyCross {@code only_cross_attention}
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
        List<Integer> crossAttentionDim,
        List<Boolean> onlyCross,
        boolean upcastAttention,
        boolean linearProjection,
        int downsamplePadding,
        double midScale,
        Norm norm,
        Activation activation,
        boolean scaleShift) {

    private static final String CROSS_DOWN = "CrossAttnDownBlock2D";
    private static final String CROSS_UP = "CrossAttnUpBlock2D";

    /** What diffusers' {@code EMAModel} adds to the config of averaged weights. */
    private static final String[] EMA_STATE = {
        "decay", "min_decay", "optimization_step", "update_after_step", "use_ema_warmup", "inv_gamma", "power"
    };

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
                values.integers("cross_attention_dim", 1280, blocks),
                values.flags("only_cross_attention", blocks),
                values.flag("upcast_attention", false),
                values.flag("use_linear_projection", false),
                values.integer("downsample_padding", 1, 0),
                values.number("mid_block_scale_factor", 1),
                new Norm(groups, values.number("norm_eps", 1e-5)),
                Activation.of(values),
                values.word("resnet_time_scale_shift", "default", "scale_shift").equals("scale_shift"));
        values.divides("norm_num_groups", groups, "block_out_channels", channels);
        for (int i = 0; i < blocks; i++) {
            boolean attends =
                    down.get(i).equals(CROSS_DOWN) || up.get(blocks - 1 - i).equals(CROSS_UP) || i == blocks - 1;
            if (attends && heads.get(i) > channels.get(i)) {
                throw values.unsupported("attention_head_dim", "at most the block_out_channels, " + channels);
            }
        }
        refuseOthers(values);
        return config;
    }

    private static void refuseOthers(ConfigValues values) {
        values.word("mid_block_type", "UNetMidBlock2DCrossAttn");
        values.word("time_embedding_type", "positional");
        values.word("attention_type", "default");
        values.only("dropout", 0);
        values.only("resnet_out_scale_factor", 1);
        values.only("conv_in_kernel", 3);
        values.only("conv_out_kernel", 3);
        for (String off : List.of("dual_cross_attention", "class_embeddings_concat", "resnet_skip_time_act")) {
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
        // sample_size is the pipeline's default; diffusers reads the others only beside values that are refused above
        values.ignore("sample_size", "mid_block_only_cross_attention", "addition_embed_type_num_heads");
        values.ignore(EMA_STATE);
        values.refuseUnknown();
    }

    int blocks() {
        return channels.size();
    }

    /** Width of the time embedding inside the blocks. */
    int timeChannels() {
        return 4 * channels.get(0);
    }

    ResnetBlock2D.Spec resnet() {
        return new ResnetBlock2D.Spec(timeChannels(), norm, activation, scaleShift);
    }

    /** The attention of a resolution, counted from the highest. */
    Transformer2DModel.Spec attention(int resolution) {
        return attention(resolution, onlyCross.get(resolution));
    }

    /** The middle's attention: that of the lowest resolution, but always with self-attention. */
    Transformer2DModel.Spec midAttention() {
        return attention(blocks() - 1, false);
    }

    private Transformer2DModel.Spec attention(int resolution, boolean onlyCross) {
        return new Transformer2DModel.Spec(
                heads.get(resolution),
                crossAttentionDim.get(resolution),
                transformerLayers.get(resolution),
                linearProjection,
                onlyCross,
                upcastAttention);
    }
}

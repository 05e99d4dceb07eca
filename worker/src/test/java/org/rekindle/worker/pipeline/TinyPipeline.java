package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.rekindle.coordinator.config.ComponentConfig;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.data.DatasetConfig;

/** A pipeline of a few thousand parameters for tests: 32 px images, latents (4, 16, 16), captions of 16 tokens. */
public final class TinyPipeline {

    private static final Path TOKENIZER = Path.of("src/test/resources/clip-tokenizer");
    private static final Path T5_TOKENIZER = Path.of("src/test/resources/t5-tokenizer");

    private TinyPipeline() {}

    /** Writes a randomly initialised pipeline. */
    public static PipelineDirectory write(Path folder, long seed) {
        return PipelineInit.init(model(), dataset(), seed, folder);
    }

    public static ModelConfig model() {
        return model(vae(), textEncoder(), unet());
    }

    public static ModelConfig model(ObjectNode vae, ObjectNode textEncoder, ObjectNode unet) {
        return new ModelConfig(
                null,
                params(vae),
                params(textEncoder),
                new ComponentConfig(null, TOKENIZER.toString(), null),
                params(unet),
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null);
    }

    /** With a T5 encoder and its tokenizer, all else the same. */
    public static ModelConfig t5Model() {
        return textModel(
                new ComponentConfig("transformers.T5EncoderModel", null, t5()),
                new ComponentConfig(null, T5_TOKENIZER.toString(), null));
    }

    /** With text encoder and tokenizer as given, all else the same. */
    public static ModelConfig textModel(ComponentConfig textEncoder, ComponentConfig tokenizer) {
        return new ModelConfig(
                null,
                params(vae()),
                textEncoder,
                tokenizer,
                params(unet()),
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null);
    }

    public static ComponentConfig params(ObjectNode params) {
        return new ComponentConfig(null, null, params);
    }

    public static DatasetConfig dataset() {
        return new DatasetConfig(null, new DatasetConfig.Params(null, null, null, null, 32, null, null, null), null);
    }

    public static ObjectNode vae() {
        return json("""
                {"block_out_channels": [8, 16], "latent_channels": 4, "norm_num_groups": 4, "layers_per_block": 1,
                 "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
                 "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"], "scaling_factor": 0.5, "_name_or_path": "mine"}
                """);
    }

    public static ObjectNode textEncoder() {
        return json("""
                {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                 "projection_dim": 16}
                """);
    }

    public static ObjectNode t5() {
        return json("""
                {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "feed_forward_proj": "gated-gelu"}
                """);
    }

    public static ObjectNode unet() {
        return json("""
                {"block_out_channels": [16, 32], "cross_attention_dim": 16, "norm_num_groups": 4, "layers_per_block": 1,
                 "attention_head_dim": 2, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
                 "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"]}
                """);
    }

    public static ObjectNode json(String text) {
        try {
            return (ObjectNode) new ObjectMapper().readTree(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

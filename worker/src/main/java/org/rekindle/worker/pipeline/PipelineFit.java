package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.rekindle.data.UserException;

/** Whether the components of a pipeline fit each other, told from their configs alone. */
final class PipelineFit {

    private static final int DEFAULT_CROSS_ATTENTION_DIM = 1280;
    private static final int DEFAULT_HIDDEN_SIZE = 512;
    private static final int DEFAULT_LATENT_CHANNELS = 4;
    private static final int DEFAULT_POSITIONS = 77;

    private PipelineFit() {}

    /** @throws UserException naming both components, both keys and their values */
    static void check(PipelineDirectory pipeline) {
        if (pipeline.has(Component.UNET) && pipeline.has(Component.TEXT_ENCODER)) {
            JsonNode width = pipeline.config(Component.UNET).path("cross_attention_dim");
            int hidden =
                    pipeline.config(Component.TEXT_ENCODER).path("hidden_size").asInt(DEFAULT_HIDDEN_SIZE);
            for (JsonNode one :
                    width.isArray() ? width : JsonFiles.JSON.createArrayNode().add(width)) {
                requireEqual(
                        pipeline.root(),
                        "unet: cross_attention_dim",
                        one.asInt(DEFAULT_CROSS_ATTENTION_DIM),
                        "text_encoder: hidden_size",
                        hidden);
            }
        }
        if (pipeline.has(Component.UNET) && pipeline.has(Component.VAE)) {
            int latents = pipeline.config(Component.VAE).path("latent_channels").asInt(DEFAULT_LATENT_CHANNELS);
            for (String key : new String[] {"in_channels", "out_channels"}) {
                requireEqual(
                        pipeline.root(),
                        "unet: " + key,
                        pipeline.config(Component.UNET).path(key).asInt(DEFAULT_LATENT_CHANNELS),
                        "vae: latent_channels",
                        latents);
            }
        }
        if (pipeline.has(Component.TOKENIZER) && pipeline.has(Component.TEXT_ENCODER)) {
            try (ClipTokenizer tokenizer = pipeline.tokenizer()) {
                requireAtMost(
                        pipeline.root(),
                        "tokenizer: model_max_length",
                        tokenizer.modelMaxLength(),
                        "text_encoder: max_position_embeddings",
                        pipeline.config(Component.TEXT_ENCODER)
                                .path("max_position_embeddings")
                                .asInt(DEFAULT_POSITIONS));
                JsonNode vocabulary = pipeline.config(Component.TEXT_ENCODER).path("vocab_size");
                requireAtMost(
                        pipeline.root(),
                        "tokenizer: number of tokens",
                        tokenizer.vocabularySize(),
                        "text_encoder: vocab_size",
                        vocabulary.asInt(49408));
            }
        }
    }

    private static void requireEqual(Path root, String one, int first, String other, int second) {
        if (first != second) {
            throw misfit(root, one, first, other, second, "they must be equal");
        }
    }

    private static void requireAtMost(Path root, String one, int first, String other, int second) {
        if (first > second) {
            throw misfit(root, one, first, other, second, "the first must not be larger");
        }
    }

    private static UserException misfit(Path root, String one, int first, String other, int second, String rule) {
        return new UserException(root + ": " + one + " is " + first + ", but " + other + " is " + second + "; " + rule);
    }
}

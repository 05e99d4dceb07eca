package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.rekindle.data.UserException;
import org.rekindle.worker.models.T5EncoderModel;

/** Whether the components of a pipeline fit each other, told from their configs alone. */
final class PipelineFit {

    private static final int DEFAULT_CROSS_ATTENTION_DIM = 1280;
    private static final int DEFAULT_HIDDEN_SIZE = 512;
    private static final int DEFAULT_LATENT_CHANNELS = 4;
    private static final int DEFAULT_POSITIONS = 77;
    private static final int DEFAULT_VOCABULARY = 49408;
    private static final int DEFAULT_T5_VOCABULARY = 32128;

    private PipelineFit() {}

    /** @throws UserException naming both components, both keys and their values */
    static void check(PipelineDirectory pipeline) {
        if (pipeline.has(Component.UNET) && pipeline.has(Component.TEXT_ENCODER)) {
            JsonNode width = pipeline.config(Component.UNET).path("cross_attention_dim");
            String widthKey = isT5(pipeline) ? "d_model" : "hidden_size";
            int hidden = pipeline.config(Component.TEXT_ENCODER).path(widthKey).asInt(DEFAULT_HIDDEN_SIZE);
            for (JsonNode one :
                    width.isArray() ? width : JsonFiles.JSON.createArrayNode().add(width)) {
                requireEqual(
                        pipeline.root(),
                        "unet: cross_attention_dim",
                        one.asInt(DEFAULT_CROSS_ATTENTION_DIM),
                        "text_encoder: " + widthKey,
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
            boolean t5 = isT5(pipeline);
            try (Tokenizer tokenizer = pipeline.tokenizer()) {
                if (!t5) { // T5 knows distances between tokens, not positions
                    requireAtMost(
                            pipeline.root(),
                            "tokenizer: model_max_length",
                            tokenizer.modelMaxLength(),
                            "text_encoder: max_position_embeddings",
                            pipeline.config(Component.TEXT_ENCODER)
                                    .path("max_position_embeddings")
                                    .asInt(DEFAULT_POSITIONS));
                }
                JsonNode vocabulary = pipeline.config(Component.TEXT_ENCODER).path("vocab_size");
                requireAtMost(
                        pipeline.root(),
                        "tokenizer: number of tokens",
                        tokenizer.vocabularySize(),
                        "text_encoder: vocab_size",
                        vocabulary.asInt(t5 ? DEFAULT_T5_VOCABULARY : DEFAULT_VOCABULARY));
            }
        }
    }

    private static boolean isT5(PipelineDirectory pipeline) {
        return pipeline.className(Component.TEXT_ENCODER).equals(T5EncoderModel.CLASS_NAME);
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

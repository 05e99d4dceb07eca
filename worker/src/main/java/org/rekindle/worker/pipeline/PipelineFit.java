package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import org.rekindle.data.UserException;
import org.rekindle.worker.models.T5EncoderModel;

/** Whether the components of a pipeline are those of Stable Diffusion and fit each other, told from their configs alone. */
final class PipelineFit {

    /** Pipelines of the same components, used the same way. */
    private static final List<String> PIPELINES = List.of("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline");

    private static final int DEFAULT_CROSS_ATTENTION_DIM = 1280;
    private static final int DEFAULT_HIDDEN_SIZE = 512;
    private static final int DEFAULT_LATENT_CHANNELS = 4;
    private static final int DEFAULT_POSITIONS = 77;
    private static final int DEFAULT_VOCABULARY = 49408;
    private static final int DEFAULT_T5_VOCABULARY = 32128;

    private static final String CLASS_NAME = "_class_name";

    private PipelineFit() {}

    /** @throws UserException naming the components, the keys and their values */
    static void check(PipelineDirectory pipeline) {
        checkClasses(pipeline);
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
                requirePositions(pipeline, tokenizer.modelMaxLength());
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

    /**
     * Checks that the text encoder of a pipeline, where there is one, takes texts of so many tokens.
     *
     * @throws UserException naming both keys
     */
    static void requirePositions(PipelineDirectory pipeline, int tokens) {
        if (pipeline.has(Component.TEXT_ENCODER)
                && !isT5(pipeline)) { // T5 knows distances between tokens, not positions
            requireAtMost(
                    pipeline.root(),
                    "tokenizer: model_max_length",
                    tokens,
                    "text_encoder: max_position_embeddings",
                    pipeline.config(Component.TEXT_ENCODER)
                            .path("max_position_embeddings")
                            .asInt(DEFAULT_POSITIONS));
        }
    }

    private static void checkClasses(PipelineDirectory pipeline) {
        String found = pipeline.index().path(CLASS_NAME).asText(PIPELINES.get(0));
        if (!PIPELINES.contains(found)) {
            throw unsupported(pipeline.root().resolve(PipelineDirectory.INDEX), found, String.join(", ", PIPELINES));
        }
        for (Component component : List.of(Component.VAE, Component.UNET)) {
            if (!pipeline.has(component)) {
                continue;
            }
            String named = pipeline.index().path(component.folder()).path(1).asText();
            String own = pipeline.config(component).path(CLASS_NAME).asText(named);
            if (!own.equals(component.defaultClass())) {
                Path config = pipeline.folder(component).resolve(component.configFile());
                throw unsupported(config, own, component.defaultClass());
            }
            if (!own.equals(named)) {
                throw misfit(
                        pipeline.root(),
                        component.folder() + ": " + CLASS_NAME,
                        own,
                        PipelineDirectory.INDEX + ": " + component.folder(),
                        named,
                        "they must be equal");
            }
        }
    }

    private static UserException unsupported(Path file, String found, String supported) {
        return new UserException(
                file + ": " + CLASS_NAME + " = " + found + " is not supported; supported: " + supported);
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

    private static UserException misfit(Path root, String one, Object first, String other, Object second, String rule) {
        return new UserException(root + ": " + one + " is " + first + ", but " + other + " is " + second + "; " + rule);
    }
}

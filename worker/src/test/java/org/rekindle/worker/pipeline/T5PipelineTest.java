package org.rekindle.worker.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.config.ComponentConfig;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.data.UserException;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/** Pipelines with a T5 encoder. */
class T5PipelineTest {

    private static final String TARGET = "transformers.T5EncoderModel";
    private static final String TOKENIZER = "src/test/resources/t5-tokenizer";

    @TempDir
    Path folder;

    @Test
    void aFreshEncoderFollowsItsTokenizer() {
        PipelineDirectory pipeline = init(TinyPipeline.t5Model(), "p");
        ObjectNode index = JsonFiles.readObject(pipeline.root().resolve("model_index.json"));
        assertThat(index.get("text_encoder")).hasToString("[\"transformers\",\"T5EncoderModel\"]");
        assertThat(index.get("tokenizer")).hasToString("[\"transformers\",\"T5Tokenizer\"]");
        ObjectNode config = pipeline.config(Component.TEXT_ENCODER);
        try (Tokenizer tokenizer = pipeline.tokenizer()) {
            assertThat(tokenizer).isInstanceOf(T5Tokenizer.class);
            assertThat(config.get("vocab_size").asInt()).isEqualTo(tokenizer.vocabularySize());
        }
        assertThat(config.get("model_type").asText()).isEqualTo("t5");
        assertThat(config.get("architectures").get(0).asText()).isEqualTo("T5EncoderModel");
        assertThat(config.get("eos_token_id").asInt()).isEqualTo(1);
        assertThat(config.get("pad_token_id").asInt()).isZero();
        assertThat(config.has("max_position_embeddings")).isFalse();
        assertThat(config.has("bos_token_id")).isFalse();
        try (SafetensorsFile weights = pipeline.weights(Component.TEXT_ENCODER)) {
            assertThat(weights.names())
                    .contains("shared.weight", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight")
                    .doesNotContain("encoder.embed_tokens.weight");
        }
    }

    @Test
    void theTargetDecidesWhereTheConfigNamesAllOfT5() throws IOException {
        PipelineDirectory source = init(TinyPipeline.t5Model(), "source");
        Path encoder = source.root().resolve("text_encoder");
        ObjectNode config = JsonFiles.readObject(encoder.resolve("config.json"));
        config.putArray("architectures").add("T5ForConditionalGeneration");
        JsonFiles.write(encoder.resolve("config.json"), config);
        Map<String, Weights.HostTensor> tensors = tensors(source);
        tensors.put("decoder.final_layer_norm.weight", new Weights.HostTensor(new long[] {16}, new float[16]));
        tensors.put("lm_head.weight", tensors.get("shared.weight"));
        Weights.writer(tensors).write(encoder.resolve("model.safetensors"));

        ComponentConfig tokenizer = new ComponentConfig("transformers.T5TokenizerFast", TOKENIZER, null);
        ModelConfig model = TinyPipeline.textModel(new ComponentConfig(TARGET, encoder.toString(), null), tokenizer);
        PipelineDirectory pipeline = init(model, "p");
        assertThat(pipeline.className(Component.TEXT_ENCODER)).isEqualTo("T5EncoderModel");
        assertThat(pipeline.className(Component.TOKENIZER)).isEqualTo("T5TokenizerFast");
        assertThat(loaded(pipeline))
                .containsExactly(tensors.get("shared.weight").values());
    }

    @Test
    void theEmbeddingMayHaveEitherNameOrBoth() throws IOException {
        PipelineDirectory pipeline = init(TinyPipeline.t5Model(), "p");
        Path file = pipeline.root().resolve("text_encoder/model.safetensors");
        Map<String, Weights.HostTensor> tensors = tensors(pipeline);
        Weights.HostTensor embedding = tensors.get("shared.weight");

        tensors.put("encoder.embed_tokens.weight", embedding);
        Weights.writer(tensors).write(file);
        assertThat(loaded(pipeline)).containsExactly(embedding.values());
        tensors.remove("shared.weight");
        Weights.writer(tensors).write(file);
        assertThat(loaded(pipeline)).containsExactly(embedding.values());
        tensors.put("shared.weight", new Weights.HostTensor(embedding.shape(), new float[embedding.values().length]));
        Weights.writer(tensors).write(file);
        assertThatThrownBy(() -> loaded(pipeline))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("holds tensor shared.weight twice")
                .hasMessageContaining("encoder.embed_tokens.weight");
    }

    @Test
    void aCopyKeepsEveryFileOfEncoderAndTokenizer() throws IOException {
        PipelineDirectory source = init(TinyPipeline.t5Model(), "source");
        Files.writeString(source.root().resolve("tokenizer/spiece.model"), "any");
        source.copyTo(folder.resolve("copy"), Map.of());
        for (String file : new String[] {
            "model_index.json",
            "text_encoder/config.json",
            "text_encoder/model.safetensors",
            "tokenizer/tokenizer.json",
            "tokenizer/tokenizer_config.json",
            "tokenizer/spiece.model"
        }) {
            assertThat(folder.resolve("copy").resolve(file))
                    .hasSameBinaryContentAs(source.root().resolve(file));
        }
    }

    @Test
    void eitherEncoderTakesEitherTokenizer() {
        ComponentConfig clipTokenizer = TinyPipeline.model().tokenizer();
        ComponentConfig t5Tokenizer = new ComponentConfig(null, TOKENIZER, null);
        PipelineDirectory t5 =
                init(TinyPipeline.textModel(new ComponentConfig(TARGET, null, TinyPipeline.t5()), clipTokenizer), "t5");
        PipelineDirectory clip =
                init(TinyPipeline.textModel(TinyPipeline.params(TinyPipeline.textEncoder()), t5Tokenizer), "clip");
        assertThat(t5.className(Component.TOKENIZER)).isEqualTo("CLIPTokenizer");
        assertThat(clip.config(Component.TEXT_ENCODER)
                        .get("max_position_embeddings")
                        .asInt())
                .isEqualTo(16);
    }

    @Test
    void whatDoesNotFitIsTold() {
        ComponentConfig tokenizer = new ComponentConfig(null, TOKENIZER, null);
        assertInitFails(
                new ComponentConfig(TARGET, null, TinyPipeline.t5().put("d_model", 8)),
                tokenizer,
                "unet: cross_attention_dim is 16, but text_encoder: d_model is 8; they must be equal");
        assertInitFails(
                new ComponentConfig(TARGET, null, TinyPipeline.t5().put("vocab_size", 9)),
                tokenizer,
                "text_encoder: vocab_size is 9");
        assertInitFails(
                new ComponentConfig(TARGET, null, TinyPipeline.t5().put("feed_forward_proj", "silu")),
                tokenizer,
                "feed_forward_proj = \"silu\" is not supported; supported: relu, gelu, gated-gelu");
        assertInitFails(
                new ComponentConfig(TARGET, null, TinyPipeline.t5()),
                new ComponentConfig("transformers.T5Tokenizer", null, TinyPipeline.json("{\"vocab_size\": 600}")),
                "model.tokenizer.target=transformers.T5Tokenizer: its vocabulary cannot be made here");
    }

    private void assertInitFails(ComponentConfig textEncoder, ComponentConfig tokenizer, String message) {
        assertThatThrownBy(() -> init(TinyPipeline.textModel(textEncoder, tokenizer), "failing"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n")
                .doesNotContain(".tmp");
    }

    private PipelineDirectory init(ModelConfig model, String name) {
        return PipelineInit.init(model, TinyPipeline.dataset(), 1, folder.resolve(name));
    }

    private static Map<String, Weights.HostTensor> tensors(PipelineDirectory pipeline) {
        try (NDManager manager = Torch.manager();
                TorchModule module = pipeline.load(manager, Component.TEXT_ENCODER, ComputeType.FP32)) {
            return new HashMap<>(Weights.copyToHost(module));
        }
    }

    /** The token embedding that the encoder has after loading. */
    private static float[] loaded(PipelineDirectory pipeline) {
        return tensors(pipeline).get("shared.weight").values();
    }
}

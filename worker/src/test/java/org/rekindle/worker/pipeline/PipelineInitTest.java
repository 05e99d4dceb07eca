package org.rekindle.worker.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.rekindle.coordinator.config.ComponentConfig;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.data.UserException;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

class PipelineInitTest {

    @TempDir
    Path folder;

    @Test
    void aFreshPipelineHasEveryFileThatDiffusersAsksFor() {
        PipelineDirectory pipeline = TinyPipeline.write(folder.resolve("p"), 1);
        assertThat(files(pipeline.root()))
                .containsExactlyInAnyOrder(
                        "model_index.json",
                        "scheduler/scheduler_config.json",
                        "text_encoder/config.json",
                        "text_encoder/model.safetensors",
                        "tokenizer/merges.txt",
                        "tokenizer/tokenizer_config.json",
                        "tokenizer/vocab.json",
                        "unet/config.json",
                        "unet/diffusion_pytorch_model.safetensors",
                        "vae/config.json",
                        "vae/diffusion_pytorch_model.safetensors");
        ObjectNode index = JsonFiles.readObject(pipeline.root().resolve("model_index.json"));
        assertThat(index.get("_class_name").asText()).isEqualTo("StableDiffusionPipeline");
        assertThat(index.get("safety_checker").toString()).isEqualTo("[null,null]");
        assertThat(index.get("scheduler").toString()).isEqualTo("[\"diffusers\",\"PNDMScheduler\"]");
        ObjectNode vae = pipeline.config(Component.VAE);
        assertThat(vae.get("_name_or_path").asText()).isEqualTo("mine");
        assertThat(vae.get("sample_size").asInt()).isEqualTo(32);
        assertThat(pipeline.config(Component.UNET).get("sample_size").asInt()).isEqualTo(16);
        assertThat(pipeline.config(Component.TEXT_ENCODER)
                        .get("max_position_embeddings")
                        .asInt())
                .isEqualTo(pipeline.tokenizer().modelMaxLength());
        assertThat(pipeline.scalingFactor()).isEqualTo(0.5);
        assertThat(pipeline.vaeScaleFactor()).isEqualTo(2);
        assertThat(files(folder)).allMatch(name -> name.startsWith("p/"));
    }

    @Test
    void theSeedDecidesTheWeights() throws IOException {
        byte[] one = weights(TinyPipeline.write(folder.resolve("1"), 1));
        byte[] again = weights(TinyPipeline.write(folder.resolve("2"), 1));
        byte[] other = weights(TinyPipeline.write(folder.resolve("3"), 2));
        assertThat(again).isEqualTo(one);
        assertThat(other).isNotEqualTo(one);
    }

    @Test
    void aPretrainedPipelineIsCopiedWithItsKeysAndLinkedWeights() throws IOException {
        PipelineDirectory source = TinyPipeline.write(folder.resolve("source"), 1);
        ObjectNode index = JsonFiles.readObject(source.root().resolve("model_index.json"));
        JsonFiles.write(source.root().resolve("model_index.json"), index.put("mine", 7));
        Files.writeString(source.root().resolve("unet/diffusion_pytorch_model.bin"), "a pickle");
        ModelConfig model = pretrained(source.root());
        PipelineDirectory copy = PipelineInit.init(model, null, 5, folder.resolve("copy"));
        for (String file : List.of("model_index.json", "vae/config.json", "unet/config.json", "tokenizer/merges.txt")) {
            assertThat(copy.root().resolve(file))
                    .hasSameBinaryContentAs(source.root().resolve(file));
        }
        String weights = "unet/diffusion_pytorch_model.safetensors";
        assertThat(Files.getAttribute(copy.root().resolve(weights), "unix:ino"))
                .isEqualTo(Files.getAttribute(source.root().resolve(weights), "unix:ino"));
        assertThat(copy.root().resolve("unet/diffusion_pytorch_model.bin")).doesNotExist();
    }

    @Test
    void aCopyHoldsTheWeightsOfComponentsThatRekindleDoesNotReadWhateverTheirFormat() throws IOException {
        PipelineDirectory source = TinyPipeline.write(folder.resolve("source"), 1);
        ObjectNode index = JsonFiles.readObject(source.root().resolve("model_index.json"));
        index.putArray("safety_checker").add("stable_diffusion").add("StableDiffusionSafetyChecker");
        index.putArray("..").add("diffusers").add("Outside");
        JsonFiles.write(source.root().resolve("model_index.json"), index);
        Path checker = Files.createDirectories(source.root().resolve("safety_checker"));
        Files.writeString(checker.resolve("config.json"), "{}");
        Files.writeString(checker.resolve("pytorch_model.bin"), "pickle");
        Files.writeString(folder.resolve("outside.safetensors"), "x");

        Path copy = folder.resolve("copies/copy");
        PipelineDirectory.open(source.root()).copyTo(copy, Map.of());

        assertThat(copy.resolve("safety_checker/config.json")).hasContent("{}");
        assertThat(copy.resolve("safety_checker/pytorch_model.bin")).hasContent("pickle");
        assertThat(folder.resolve("copies/outside.safetensors")).doesNotExist();
    }

    @Test
    void aCopyHoldsTheChangedWeightsAndLeavesItsSourceAlone() throws IOException {
        PipelineDirectory source = TinyPipeline.write(folder.resolve("source"), 1);
        byte[] before = weights(source);
        try (NDManager manager = Torch.manager();
                TorchModule unet = source.load(manager, Component.UNET, ComputeType.FP32)) {
            Map<String, Weights.HostTensor> host = Weights.copyToHost(unet);
            host.values().forEach(tensor -> java.util.Arrays.fill(tensor.values(), 0.25f));
            source.copyTo(folder.resolve("copy"), Map.of(Component.UNET, Weights.writer(host)));
        }
        assertThat(weights(source)).isEqualTo(before);
        PipelineDirectory copy = PipelineDirectory.open(folder.resolve("copy"));
        assertThat(copy.config(Component.UNET)).isEqualTo(source.config(Component.UNET));
        try (NDManager manager = Torch.manager();
                TorchModule unet = copy.load(manager, Component.UNET, ComputeType.FP32)) {
            unet.parameters().values().forEach(parameter -> assertThat(parameter.toFloatArray())
                    .containsOnly(0.25f));
        }
    }

    @Test
    void loadedWeightsAreTheFiles() {
        PipelineDirectory pipeline = TinyPipeline.write(folder.resolve("p"), 1);
        for (Component component : List.of(Component.VAE, Component.TEXT_ENCODER, Component.UNET)) {
            try (NDManager manager = Torch.manager();
                    TorchModule module = pipeline.load(manager, component, ComputeType.FP32);
                    SafetensorsFile file = pipeline.weights(component)) {
                assertThat(file.names())
                        .containsExactlyInAnyOrderElementsOf(module.parameters().keySet());
                module.parameters().forEach((name, parameter) -> assertThat(parameter.toFloatArray())
                        .as(name)
                        .containsExactly(file.tensor(name).floats()));
            }
        }
    }

    @Test
    void aComponentAloneComesFromItsOwnFolder() {
        PipelineDirectory source = TinyPipeline.write(folder.resolve("source"), 1);
        ModelConfig model = with(
                new ComponentConfig(null, source.root().resolve("vae").toString(), null),
                TinyPipeline.params(TinyPipeline.unet()));
        PipelineDirectory pipeline = PipelineInit.init(model, TinyPipeline.dataset(), 2, folder.resolve("p"));
        assertThat(pipeline.root().resolve("vae/diffusion_pytorch_model.safetensors"))
                .hasSameBinaryContentAs(source.root().resolve("vae/diffusion_pytorch_model.safetensors"));
        assertThat(pipeline.has(Component.TEXT_ENCODER)).isFalse();
        assertThatThrownBy(() -> pipeline.require(Component.UNET, Component.TEXT_ENCODER))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("has no text_encoder");
    }

    @Test
    void theVocabularyComesFromTheShardsCaptions() throws IOException {
        Path shard = folder.resolve("s-0.tar");
        try (TarArchiveOutputStream tar = new TarArchiveOutputStream(Files.newOutputStream(shard))) {
            byte[] caption = "a crimson dodecahedron".getBytes(StandardCharsets.UTF_8);
            TarArchiveEntry entry = new TarArchiveEntry("x.txt");
            entry.setSize(caption.length);
            tar.putArchiveEntry(entry);
            tar.write(caption);
            tar.closeArchiveEntry();
        }
        ObjectNode tokenizer = TinyPipeline.json("{\"model_max_length\": 8, \"vocab_size\": 600}");
        tokenizer.put("captions", folder.resolve("s-{0..0}.tar").toString());
        PipelineDirectory pipeline = PipelineInit.init(tokenizerOnly(tokenizer), null, 0, folder.resolve("p"));
        try (Tokenizer made = pipeline.tokenizer()) {
            assertThat(made.modelMaxLength()).isEqualTo(8);
            assertThat(made.encode("crimson dodecahedron")[3]).isEqualTo(made.endToken());
        }
        assertThat(pipeline.root().resolve("tokenizer/special_tokens_map.json")).exists();
        tokenizer.put("vocabulary", 3);
        assertThatThrownBy(() -> PipelineInit.init(tokenizerOnly(tokenizer), null, 0, folder.resolve("q")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("model.tokenizer.params.vocabulary: unknown key");
    }

    @Test
    void whatDoesNotFitIsToldAndNothingIsLeftBehind() {
        ObjectNode narrow = TinyPipeline.textEncoder().put("hidden_size", 8);
        ObjectNode fewTokens = TinyPipeline.textEncoder().put("vocab_size", 3);
        ObjectNode wide = TinyPipeline.unet().put("in_channels", 9);
        ObjectNode unknown = TinyPipeline.unet();
        unknown.putArray("down_block_types").add("NoSuchBlock2D").add("DownBlock2D");
        assertInitFails(
                TinyPipeline.model(TinyPipeline.vae(), narrow, TinyPipeline.unet()),
                "unet: cross_attention_dim is 16, but text_encoder: hidden_size is 8");
        assertInitFails(TinyPipeline.model(TinyPipeline.vae(), fewTokens, TinyPipeline.unet()), "vocab_size is 3");
        assertInitFails(
                TinyPipeline.model(TinyPipeline.vae(), TinyPipeline.textEncoder(), wide), "unet: in_channels is 9");
        assertInitFails(TinyPipeline.model(TinyPipeline.vae(), TinyPipeline.textEncoder(), unknown), "NoSuchBlock2D");
        assertInitFails(pretrained(folder.resolve("nowhere")), "model.pretrained=");
        assertInitFails(with(new ComponentConfig(null, folder.toString(), null), null), "has neither vae/config.json");
        assertInitFails(with(new ComponentConfig("diffusers.VQModel", null, TinyPipeline.vae()), null), "VQModel");
        assertInitFails(with(null, null), "nothing says what to train");
    }

    @Test
    void anExistingFolderIsNotOverwritten() throws IOException {
        Path out = Files.createDirectories(folder.resolve("p"));
        Files.writeString(out.resolve("precious"), "x");
        assertThatThrownBy(() -> TinyPipeline.write(out, 1))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("is there already");
        assertThat(out.resolve("precious")).exists();
    }

    @ParameterizedTest
    @EnumSource(Component.class)
    void aMissingConfigIsNamed(Component component) throws IOException {
        PipelineDirectory pipeline = TinyPipeline.write(folder.resolve("p"), 1);
        Path file = pipeline.root().resolve(component.folder()).resolve(component.configFile());
        Files.delete(file);
        assertThatThrownBy(() -> PipelineDirectory.open(pipeline.root()))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(file + ": no such file");
    }

    @Test
    void missingWeightsAreNamedAndPicklesRefused() throws IOException {
        PipelineDirectory pipeline = TinyPipeline.write(folder.resolve("p"), 1);
        Path weights = pipeline.root().resolve("text_encoder/model.safetensors");
        Files.delete(weights);
        assertThatThrownBy(() -> pipeline.weights(Component.TEXT_ENCODER))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(weights + ": no such file");
        Files.writeString(weights.resolveSibling("pytorch_model.bin"), "x");
        assertThatThrownBy(() -> pipeline.weights(Component.TEXT_ENCODER))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("pickle");
    }

    @Test
    void aFolderThatIsNoPipelineIsNamed() {
        assertThatThrownBy(() -> PipelineDirectory.open(folder))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("has no model_index.json");
        assertThatThrownBy(() -> PipelineDirectory.open(folder.resolve("none")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("no such folder");
    }

    @Test
    void theInferenceScheduleFollowsTheTrainings() {
        ObjectNode training = TinyPipeline.json(
                "{\"beta_schedule\": \"squaredcos_cap_v2\", \"prediction_type\": \"v_prediction\", \"variance_type\": \"x\"}");
        ModelConfig tiny = TinyPipeline.model();
        ModelConfig model = new ModelConfig(
                null,
                null,
                null,
                null,
                tiny.unet(),
                new ComponentConfig("diffusers.DDPMScheduler", null, training),
                null,
                null,
                null,
                null,
                null,
                null,
                null);
        PipelineDirectory pipeline = PipelineInit.init(model, TinyPipeline.dataset(), 0, folder.resolve("p"));
        ObjectNode written = pipeline.config(Component.SCHEDULER);
        assertThat(written.get("_class_name").asText()).isEqualTo("PNDMScheduler");
        assertThat(written.get("beta_schedule").asText()).isEqualTo("squaredcos_cap_v2");
        assertThat(written.get("prediction_type").asText()).isEqualTo("v_prediction");
        assertThat(written.get("skip_prk_steps").asBoolean()).isTrue();
        assertThat(written.has("variance_type")).isFalse();
        assertThat(PipelineInit.trainingSchedule(model, pipeline)).isEqualTo(training);
        assertThat(PipelineInit.trainingSchedule(tiny, pipeline)).isEqualTo(written);
    }

    private static ModelConfig scheduled(String pretrained, String training, ComponentConfig inference) {
        return new ModelConfig(
                pretrained,
                null,
                null,
                null,
                pretrained == null ? TinyPipeline.model().unet() : null,
                training == null ? null : TinyPipeline.params(TinyPipeline.json(training)),
                inference,
                null,
                null,
                null,
                null,
                null,
                null);
    }

    private static ComponentConfig inference(String target, String params) {
        return new ComponentConfig(target, null, TinyPipeline.json(params));
    }

    private static final String ZERO_SNR = "{\"rescale_betas_zero_snr\": true, \"prediction_type\": \"v_prediction\"}";

    @Test
    void zeroTerminalSnrTakesASchedulerThatFollowsItFromTheLastTimestepOn() {
        PipelineDirectory pipeline =
                PipelineInit.init(scheduled(null, ZERO_SNR, null), TinyPipeline.dataset(), 0, folder.resolve("p"));

        ObjectNode written = pipeline.config(Component.SCHEDULER);
        assertThat(written.get("_class_name").asText()).isEqualTo("DDIMScheduler");
        assertThat(written.get("rescale_betas_zero_snr").asBoolean()).isTrue();
        assertThat(written.get("timestep_spacing").asText()).isEqualTo("trailing");
        assertThat(JsonFiles.readObject(pipeline.root().resolve("model_index.json"))
                        .get("scheduler")
                        .toString())
                .isEqualTo("[\"diffusers\",\"DDIMScheduler\"]");
    }

    @Test
    void aChosenSpacingOrSchedulerStays() {
        ComponentConfig euler = inference("EulerDiscreteScheduler", "{\"timestep_spacing\": \"linspace\"}");
        ObjectNode written = PipelineInit.init(
                        scheduled(null, ZERO_SNR, euler), TinyPipeline.dataset(), 0, folder.resolve("p"))
                .config(Component.SCHEDULER);

        assertThat(written.get("_class_name").asText()).isEqualTo("EulerDiscreteScheduler");
        assertThat(written.get("timestep_spacing").asText()).isEqualTo("linspace");
    }

    @Test
    void schedulesThatDoNotGoTogetherAreRefused() {
        ComponentConfig pndm = inference("PNDMScheduler", "{}");
        ComponentConfig epsilon = inference(null, "{\"prediction_type\": \"epsilon\"}");
        assertInitFails(scheduled(null, ZERO_SNR, pndm), "PNDMScheduler knows no rescale_betas_zero_snr");
        assertInitFails(scheduled(null, ZERO_SNR, epsilon), "prediction_type is \"epsilon\", but the training's is");
        assertInitFails(
                scheduled(null, "{}", inference(null, "{\"beta_end\": 0.012}")),
                "beta_end is 0.012, but the training's");
        assertInitFails(scheduled(null, "{\"rescale_betas_zero_snr\": true}", null), "with prediction_type epsilon");
    }

    @Test
    void aPretrainedPipelineMayBeTrainedOnAnotherSchedule() {
        PipelineDirectory source = TinyPipeline.write(folder.resolve("source"), 1);
        ModelConfig model = scheduled(source.root().toString(), ZERO_SNR, null);
        PipelineDirectory pipeline = PipelineInit.init(model, null, 0, folder.resolve("p"));

        ObjectNode before = source.config(Component.SCHEDULER);
        ObjectNode expected = before.deepCopy();
        expected.put("rescale_betas_zero_snr", true).put("prediction_type", "v_prediction");
        expected.put("_class_name", "DDIMScheduler").put("timestep_spacing", "trailing");
        assertThat(pipeline.config(Component.SCHEDULER)).isEqualTo(expected);
        assertThat(before.get("_class_name").asText()).as("the source").isEqualTo("PNDMScheduler");
        assertThat(JsonFiles.readObject(pipeline.root().resolve("model_index.json"))
                        .get("scheduler")
                        .toString())
                .isEqualTo("[\"diffusers\",\"DDIMScheduler\"]");
        assertThat(PipelineInit.trainingSchedule(model, pipeline)).isEqualTo(expected);
        assertInitFails(
                scheduled(pipeline.root().toString(), null, new ComponentConfig("PNDMScheduler", null, null)),
                "PNDMScheduler knows no rescale_betas_zero_snr");
    }

    @Test
    void aPretrainedPipelineMayBeDrawnWithAnotherSchedulerNamedByItsTargetAlone() {
        PipelineDirectory source = TinyPipeline.write(folder.resolve("source"), 1);
        ComponentConfig euler = new ComponentConfig("diffusers.EulerDiscreteScheduler", null, null);
        PipelineDirectory pipeline =
                PipelineInit.init(scheduled(source.root().toString(), null, euler), null, 0, folder.resolve("p"));

        ObjectNode expected = source.config(Component.SCHEDULER).put("_class_name", "EulerDiscreteScheduler");
        assertThat(pipeline.config(Component.SCHEDULER)).isEqualTo(expected);
        assertThat(JsonFiles.readObject(pipeline.root().resolve("model_index.json"))
                        .get("scheduler")
                        .toString())
                .isEqualTo("[\"diffusers\",\"EulerDiscreteScheduler\"]");
    }

    @Test
    void aTargetThatIsNotTheClassOfThePretrainedIsRefused() {
        PipelineDirectory source = TinyPipeline.write(folder.resolve("source"), 1);
        assertInitFails(
                with(new ComponentConfig("diffusers.VQModel", source.root().toString(), null), null),
                "model.vae.target: VQModel, but");
    }

    private void assertInitFails(ModelConfig model, String message) {
        Path out = folder.resolve("failing").resolve("p");
        assertThatThrownBy(() -> PipelineInit.init(model, TinyPipeline.dataset(), 0, out))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n")
                .doesNotContain(".tmp");
        assertThat(files(folder)).noneMatch(name -> name.startsWith("failing"));
    }

    private static ModelConfig pretrained(Path path) {
        return new ModelConfig(path.toString(), null, null, null, null, null, null, null, null, null, null, null, null);
    }

    private static ModelConfig with(ComponentConfig vae, ComponentConfig unet) {
        return new ModelConfig(null, vae, null, null, unet, null, null, null, null, null, null, null, null);
    }

    private static ModelConfig tokenizerOnly(ObjectNode params) {
        return new ModelConfig(
                null, null, null, TinyPipeline.params(params), null, null, null, null, null, null, null, null, null);
    }

    private static byte[] weights(PipelineDirectory pipeline) throws IOException {
        return Files.readAllBytes(pipeline.root().resolve("unet/diffusion_pytorch_model.safetensors"));
    }

    private static List<String> files(Path root) {
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> root.relativize(file).toString())
                    .toList();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}

package org.rekindle.worker.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.data.UserException;

class PipelineFilesTest {

    private static final ModelRevision MODEL = ModelRevision.parse("org/name", null);

    /** What the hub lists of Stable Diffusion 1.5 and its like. */
    private static final List<String> STABLE_DIFFUSION = List.of(
            ".gitattributes",
            "README.md",
            "v1-inference.yaml",
            "v1-5-pruned.ckpt",
            "v1-5-pruned.safetensors",
            "model_index.json",
            "feature_extractor/preprocessor_config.json",
            "safety_checker/config.json",
            "safety_checker/model.fp16.safetensors",
            "safety_checker/model.safetensors",
            "safety_checker/pytorch_model.bin",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
            "text_encoder/model.fp16.safetensors",
            "text_encoder/model.safetensors",
            "text_encoder/pytorch_model.bin",
            "text_encoder/model.onnx",
            "tokenizer/merges.txt",
            "tokenizer/special_tokens_map.json",
            "tokenizer/tokenizer_config.json",
            "tokenizer/vocab.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.bin",
            "unet/diffusion_pytorch_model.fp16.safetensors",
            "unet/diffusion_pytorch_model.non_ema.safetensors",
            "unet/diffusion_pytorch_model.safetensors",
            "unet/diffusion_flax_model.msgpack",
            "vae/config.json",
            "vae/diffusion_pytorch_model.safetensors",
            "vae_decoder/model.onnx");

    private static final String INDEX = """
            {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0", "requires_safety_checker": true,
             "feature_extractor": ["transformers", "CLIPImageProcessor"], "image_encoder": [null, null],
             "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"], "scheduler": ["diffusers", "PNDMScheduler"],
             "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
             "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}
            """;

    private final Set<String> listed = new LinkedHashSet<>(STABLE_DIFFUSION);
    private final Map<String, String> contents = new HashMap<>(Map.of("model_index.json", INDEX));

    @Test
    void onlyWhatThePipelineNeedsIsChosenAndNothingTwice() throws Exception {
        PipelineFiles files = select();

        assertThat(paths(files))
                .containsExactlyInAnyOrder(
                        "model_index.json",
                        "feature_extractor/preprocessor_config.json",
                        "safety_checker/config.json",
                        "safety_checker/model.safetensors",
                        "scheduler/scheduler_config.json",
                        "text_encoder/config.json",
                        "text_encoder/model.safetensors",
                        "tokenizer/merges.txt",
                        "tokenizer/special_tokens_map.json",
                        "tokenizer/tokenizer_config.json",
                        "tokenizer/vocab.json",
                        "unet/config.json",
                        "unet/diffusion_pytorch_model.safetensors",
                        "vae/config.json",
                        "vae/diffusion_pytorch_model.safetensors");
        assertThat(paths(files)).last().isEqualTo("model_index.json");
    }

    @Test
    void shardsComeWithTheirIndex() throws Exception {
        shard("unet/diffusion_pytorch_model.safetensors", "diffusion_pytorch_model-0000%d-of-00002.safetensors");
        listed.add("unet/diffusion_pytorch_model.fp16.safetensors.index.json");
        listed.add("unet/diffusion_pytorch_model.safetensors.index.fp16.json");
        listed.add("unet/diffusion_pytorch_model-00001-of-00002.fp16.safetensors");

        assertThat(paths(select()))
                .filteredOn(path -> path.startsWith("unet/"))
                .containsExactlyInAnyOrder(
                        "unet/config.json",
                        "unet/diffusion_pytorch_model.safetensors.index.json",
                        "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
                        "unet/diffusion_pytorch_model-00002-of-00002.safetensors");
    }

    @Test
    void aShardThatIsNotThereIsNamed() {
        shard("unet/diffusion_pytorch_model.safetensors", "diffusion_pytorch_model-0000%d-of-00002.safetensors");
        listed.remove("unet/diffusion_pytorch_model-00002-of-00002.safetensors");

        assertRefused("component unet", "diffusion_pytorch_model-00002-of-00002.safetensors", "is not there");
    }

    @ParameterizedTest
    @CsvSource({
        "../../x%d.safetensors, lead out of the folder",
        "/x%d.safetensors, lead out of the folder",
        "x%d.bin, is no safetensors file"
    })
    void aShardOfAWrongNameIsRefused(String name, String line) {
        shard("unet/diffusion_pytorch_model.safetensors", name);

        assertRefused(line);
    }

    @ParameterizedTest
    @CsvSource({
        "unet/diffusion_pytorch_model.safetensors, component unet: of its weights there are only variants such as",
        "text_encoder/model.safetensors, component text_encoder: of its weights there are only variants such as",
        "vae/diffusion_pytorch_model.safetensors, component vae: it has no diffusion_pytorch_model.safetensors",
        "unet/config.json, component unet: it has no config.json",
        "tokenizer/tokenizer_config.json, component tokenizer: it has no tokenizer_config.json",
        "scheduler/scheduler_config.json, component scheduler: its folder is not there",
        "feature_extractor/preprocessor_config.json, component feature_extractor: its folder is not there",
        "model_index.json, has no model_index.json"
    })
    void whatIsNotThereIsNamed(String path, String line) {
        listed.remove(path);

        assertRefused(line);
    }

    @ParameterizedTest
    @ValueSource(strings = {"diffusion_pytorch_model.bin", "model.ckpt", "model.pt", "model.pth"})
    void aPickleIsRefusedWithTheReason(String name) {
        listed.removeIf(path -> path.startsWith("vae/") && path.endsWith("safetensors"));
        listed.add("vae/" + name);

        assertRefused("component vae", "only a pickle (vae/" + name + ")", "may run code", "nothing was fetched");
    }

    @Test
    void aSafetyCheckerThatIsAPickleIsRefusedUnlessItIsLeftOut() throws Exception {
        listed.removeIf(path -> path.startsWith("safety_checker/") && path.endsWith("safetensors"));

        assertRefused("component safety_checker", "only a pickle", "leave the component out with components=");

        PipelineFiles files = select("tokenizer", "text_encoder", "unet", "vae", "scheduler");
        assertThat(files.index()).as("Rekindle's components are there").isNotNull();
        assertThat(paths(files)).noneMatch(path -> path.startsWith("safety_checker"));
    }

    @Test
    void someComponentsAreNoPipeline() throws Exception {
        PipelineFiles files = select("vae");

        assertThat(files.index()).isNull();
        assertThat(paths(files)).containsExactly("vae/config.json", "vae/diffusion_pytorch_model.safetensors");
        assertThatThrownBy(() -> select("vea"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("components=vea")
                .hasMessageContaining("choose of feature_extractor,safety_checker,scheduler,");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../x", "a/b", "", "a\\b", "a b"})
    void aComponentOfAWrongNameIsRefused(String name) {
        contents.put("model_index.json", "{\"" + name.replace("\\", "\\\\") + "\": [\"a\", \"b\"]}");

        assertThatThrownBy(this::select).isInstanceOf(UserException.class);
    }

    @Test
    void anIndexWithoutComponentsIsRefused() {
        contents.put("model_index.json", "[]");

        assertRefused("names no component");
    }

    private void shard(String weights, String name) {
        listed.remove(weights);
        listed.add(weights + ".index.json");
        String first = name.formatted(1);
        String second = name.formatted(2);
        String folder = weights.substring(0, weights.indexOf('/') + 1);
        listed.add(folder + first);
        listed.add(folder + second);
        contents.put(
                weights + ".index.json",
                "{\"weight_map\": {\"a\": \"%s\", \"b\": \"%s\", \"c\": \"%s\"}}".formatted(first, second, first));
    }

    private void assertRefused(String... parts) {
        assertThatThrownBy(this::select)
                .isInstanceOf(UserException.class)
                .message()
                .contains(parts)
                .doesNotContain("\n");
    }

    private PipelineFiles select(String... components) throws InterruptedException {
        List<HubFile> files = new ArrayList<>();
        listed.forEach(path -> files.add(new HubFile(path, -1, null)));
        return PipelineFiles.select(
                new HubSnapshot(MODEL, "c0ffee", files), Set.of(components), file -> json(contents.get(file.path())));
    }

    private static List<String> paths(PipelineFiles files) {
        List<String> paths = files.all().stream().map(HubFile::path).toList();
        assertThat(paths).doesNotHaveDuplicates();
        return paths;
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

package org.rekindle.worker.pipeline;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.UserException;

class PipelineFitTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "model_index.json | {\"_class_name\": \"FluxPipeline\"} | /model_index.json: _class_name = FluxPipeline is not supported;"
                        + " supported: StableDiffusionPipeline, StableDiffusionImg2ImgPipeline",
                "model_index.json | {\"vae\": [\"diffusers\", \"AutoencoderTiny\"]} | vae: _class_name is AutoencoderKL, but"
                        + " model_index.json: vae is AutoencoderTiny; they must be equal",
                "vae/config.json | {\"_class_name\": \"AutoencoderTiny\"} | /vae/config.json: _class_name = AutoencoderTiny is not"
                        + " supported; supported: AutoencoderKL",
                "unet/config.json | {\"_class_name\": \"AutoencoderKL\"} | /unet/config.json: _class_name = AutoencoderKL is not"
                        + " supported; supported: UNet2DConditionModel",
                "unet/config.json | {\"cross_attention_dim\": [16, 24]} | unet: cross_attention_dim is 24, but text_encoder: hidden_size"
                        + " is 16; they must be equal",
                "text_encoder/config.json | {\"hidden_size\": 24} | unet: cross_attention_dim is 16, but text_encoder: hidden_size is 24",
                "vae/config.json | {\"latent_channels\": 16} | unet: in_channels is 4, but vae: latent_channels is 16",
                "unet/config.json | {\"out_channels\": 8} | unet: out_channels is 8, but vae: latent_channels is 4",
                "text_encoder/config.json | {\"max_position_embeddings\": 5} | tokenizer: model_max_length is",
            })
    void whatDoesNotFitIsToldInOneLine(String file, String change, String message) throws IOException {
        Path root = TinyPipeline.write(folder.resolve("p"), 1).root();
        ObjectNode json = JsonFiles.readObject(root.resolve(file));
        JsonFiles.write(root.resolve(file), json.setAll(TinyPipeline.json(change)));
        assertThatThrownBy(() -> PipelineDirectory.open(root))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(root.toString())
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n");
    }

    @Test
    void aClassThatOnlyTheIndexNamesIsEnough() throws IOException {
        Path root = TinyPipeline.write(folder.resolve("p"), 1).root();
        for (String file : new String[] {"model_index.json", "vae/config.json", "unet/config.json"}) {
            ObjectNode json = JsonFiles.readObject(root.resolve(file));
            json.remove("_class_name");
            JsonFiles.write(root.resolve(file), json);
        }
        PipelineDirectory.open(root);
    }
}

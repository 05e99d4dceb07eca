package org.rekindle.worker;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.worker.models.Models;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.PipelineInit;
import org.rekindle.worker.pipeline.TinyPipeline;
import org.rekindle.worker.torchscript.ComputeType;

/** The recipe {@code configs/t5.yaml} is complete and means what its comments say. */
class T5RecipeTest {

    /** What matters of google/flan-t5-base's config. */
    private static final ObjectNode T5_BASE = TinyPipeline.json(
            "{\"d_model\": 768, \"num_layers\": 12, \"num_heads\": 12, \"feed_forward_proj\": \"gated-gelu\"}");

    @TempDir
    Path folder;

    @Test
    void theNumbersAreThoseOfTheComments() {
        RunConfig config = read();
        ObjectNode unet = config.model().unet().params();
        assertThat(config.totalSteps(8)).isEqualTo(100_000);
        assertThat(parameters("UNet2DConditionModel", unet)).isEqualTo(859_520_964L);
        assertThat(parameters("T5EncoderModel", T5_BASE)).isEqualTo(109_628_544L);
        assertThat(unet.get("cross_attention_dim")).isEqualTo(T5_BASE.get("d_model"));
    }

    @Test
    void itsPartsMakeAPipeline() {
        PipelineInit.init(TinyPipeline.t5Model(), TinyPipeline.dataset(), 1, folder.resolve("t5"));
        RunConfig config = read(
                "model.unet.params.block_out_channels=[8,8,8,8]",
                "model.unet.params.norm_num_groups=4",
                "model.unet.params.cross_attention_dim=16");
        PipelineDirectory pipeline = PipelineInit.init(config.model(), config.dataset(), 0, folder.resolve("p"));
        assertThat(pipeline.className(Component.TEXT_ENCODER)).isEqualTo("T5EncoderModel");
        assertThat(pipeline.className(Component.TOKENIZER)).isEqualTo("T5TokenizerFast");
        assertThat(pipeline.root().resolve("text_encoder/model.safetensors"))
                .hasSameBinaryContentAs(folder.resolve("t5/text_encoder/model.safetensors"));
    }

    private RunConfig read(String... settings) {
        List<String> arguments = new ArrayList<>(List.of(settings));
        arguments.add(0, "config=" + Path.of("..", "configs", "t5.yaml"));
        arguments.add("model.text_encoder.pretrained=" + folder.resolve("t5"));
        arguments.add("dataset.params.path=shards/{00000..00099}.tar");
        return ConfigReader.read(arguments);
    }

    private static long parameters(String className, ObjectNode config) {
        return Models.compile(className, config, ComputeType.BF16).stateDict().values().stream()
                .mapToLong(parameter -> parameter.shape().size())
                .sum();
    }
}

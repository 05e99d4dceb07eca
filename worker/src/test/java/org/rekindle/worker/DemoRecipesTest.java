package org.rekindle.worker;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.coordinator.config.ComponentConfig;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.diffusion.PredictionType;
import org.rekindle.worker.models.Models;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ParameterSpec;
import org.rekindle.worker.torchscript.ScriptModule;

/** The recipes in {@code configs/demo} are complete and mean what their comments say. */
class DemoRecipesTest {

    private static final Path RECIPES = Path.of("..", "configs", "demo");

    @ParameterizedTest
    @ValueSource(strings = {"shapes", "emoji"})
    void aDiffusionRecipeIsCompleteAndItsPartsFit(String name) throws IOException {
        RunConfig config = read(name);
        long parameters = parameters("UNet2DConditionModel", config.model().unet());
        assertThat(parameters).isBetween(3_000_000L, 15_000_000L);
        assertThat(config.model().unet().params().get("cross_attention_dim").asInt())
                .isEqualTo(
                        config.model().textEncoder().params().get("hidden_size").asInt());
        assertThat(NoiseSchedule.of(config.model().noiseSchedulerTraining().params())
                        .predictionType())
                .isEqualTo(PredictionType.V_PREDICTION);
        assertThat(config.dataset().params().textDropout()).isEqualTo(0.1);
        List<String> prompts = Files.readAllLines(Path.of(config.experiment().evalCaptionFile()));
        assertThat(prompts).first().isEqualTo("uid,caption");
        assertThat(prompts).hasSize(1 + config.experiment().numEvalImages()).doesNotHaveDuplicates();
    }

    @Test
    void theAutoencoderOfTheRecipesDownsamplesByEightAndIsSmall() {
        RunConfig config = read("autoencoder");
        assertThat(config.objective().target()).isEqualTo("autoencoder");
        assertThat(config.model().vae().params().get("block_out_channels")).hasSize(4);
        assertThat(parameters("AutoencoderKL", config.model().vae())).isLessThan(2_000_000L);
    }

    @Test
    void theNumbersOfStepsAreThoseOfTheComments() {
        assertThat(read("shapes").totalSteps(1)).isEqualTo(4800);
        assertThat(read("emoji").totalSteps(1)).isEqualTo(6000);
        assertThat(read("autoencoder").totalSteps(1)).isEqualTo(18000);
    }

    private static RunConfig read(String name) {
        return ConfigReader.read(List.of("config=" + RECIPES.resolve(name + ".yaml")));
    }

    private static long parameters(String className, ComponentConfig component) {
        ObjectNode params = component.params();
        ScriptModule model = Models.compile(className, params, ComputeType.BF16);
        Map<String, ParameterSpec> parameters = model.stateDict();
        return parameters.values().stream().mapToLong(p -> p.shape().size()).sum();
    }
}

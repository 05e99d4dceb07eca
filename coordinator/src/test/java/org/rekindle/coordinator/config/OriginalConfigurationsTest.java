package org.rekindle.coordinator.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;

class OriginalConfigurationsTest {

    private static final Path FROM_SCRATCH = Yaml.resource("original/from-scratch.yaml");
    private static final Path FINETUNING = Yaml.resource("original/finetuning.yaml");

    @Test
    void theFinetuningYamlBindsWithItsNeededValuesGiven() {
        RunConfig config = ConfigReader.read(Yaml.arguments(
                FINETUNING,
                "experiment.num_examples_to_see=1000",
                "model.pretrained=pipelines/sd2",
                "dataset.params.path=data/{000..007}.tar"));

        assertThat(config.system().batchSize()).isEqualTo(2);
        assertThat(config.system().distBackend()).isEqualTo("nccl");
        assertThat(config.system().distUrl()).isEqualTo("env://");
        assertThat(config.experiment().folder()).isEqualTo(Path.of("logs/finetuning"));
        assertThat(config.experiment().evalCaptionFile()).isNull();
        assertThat(config.experiment().numEvalImages()).isEqualTo(1000);
        assertThat(config.optimizer().params().epsilon()).isEqualTo(1e-8);
        assertThat(config.model().mixedPrecision()).isEqualTo("bf16");
        assertThat(config.dataset().params())
                .isEqualTo(new DatasetConfig.Params("data/{000..007}.tar", 2, 6, 1000L, 512, null, null, null));
        assertThat(config.lrScheduler().params()).isEqualTo(new LrSchedulerConfig.Params(1e-4, 500L));
        assertThat(config.notices()).singleElement().asString().contains("metrics.jsonl");
    }

    @Test
    void theFromScratchYamlBindsWithItsNeededValuesGiven() {
        RunConfig config = ConfigReader.read(Yaml.arguments(
                FROM_SCRATCH,
                "experiment.log_dir=logs",
                "experiment.name=scratch",
                "experiment.num_examples_to_see=2e9",
                "model.vae.pretrained=sd2",
                "model.text_encoder.pretrained=sd2",
                "model.tokenizer.pretrained=sd2",
                "model.noise_scheduler_training.target=diffusers.DDPMNoiseScheduler",
                "model.noise_scheduler_training.pretrained=sd2",
                "model.noise_scheduler_inference.pretrained=sd2",
                "dataset.params.path=data/0.tar"));

        assertThat(config.experiment().numExamplesToSee()).isEqualTo(2_000_000_000L);
        assertThat(config.experiment().keepCheckpoints()).isEqualTo(1);
        assertThat(config.dataset().params().filters()).containsEntry("pwatermark", "<=0.5");
        assertThat(config.model().unet().params().get("norm_eps").doubleValue()).isEqualTo(1e-5);
        assertThat(config.model().unet().params().get("block_out_channels")).hasSize(4);
    }

    @Test
    void everyNeededValueIsNamedInOneLineAndNoNeedlessOne() {
        assertThatThrownBy(() -> ConfigReader.read(Yaml.arguments(FROM_SCRATCH, "experiment.name=x")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("from-scratch.yaml")
                .hasMessageContaining("experiment.log_dir=FOLDER")
                .hasMessageContaining("experiment.num_examples_to_see=100000")
                .hasMessageContaining("model.vae.pretrained=PIPELINE_FOLDER")
                .hasMessageContaining("model.noise_scheduler_inference.pretrained")
                .hasMessageContaining("dataset.params.path='data/{000..007}.tar'")
                .hasMessageNotContainingAny("wandb", "project", "dist_url", "dataset.params.num_examples", "\n");
    }

    @Test
    void aWholePipelineMakesTheComponentsNeedless() {
        RunConfig config = ConfigReader.read(Yaml.arguments(
                FROM_SCRATCH,
                "experiment={log_dir: logs, name: n, num_examples_to_see: 64}",
                "model.pretrained=sd2",
                "dataset.params.path=data/0.tar"));

        assertThat(config.model().pretrained()).isEqualTo("sd2");
        assertThat(config.experiment().saveEvery()).as("sections merge").isEqualTo(2000);
    }

    @Test
    void benchDataNeedsTheDatasetOnly() {
        DatasetConfig dataset = ConfigReader.readDataset(
                Yaml.arguments(FROM_SCRATCH, "experiment.num_examples_to_see=640", "dataset.params.path=data/0.tar"));

        assertThat(dataset.params().numExamplesToSee()).isEqualTo(640);
        assertThat(dataset.params().batchSize()).isEqualTo(32);
    }

    @Test
    void benchDataTakesAConfigurationThatHasNoOtherSection(@TempDir Path folder) {
        DatasetConfig dataset = ConfigReader.readDataset(
                Yaml.written(folder, "dataset: {params: {path: a.tar, num_examples_to_see: 64, resolution: 256}}"));

        assertThat(dataset.params().resolution()).isEqualTo(256);
        assertThat(dataset.params().batchSize()).isEqualTo(1);
        assertThatThrownBy(() -> ConfigReader.readDataset(Yaml.written(folder, "dataset: {params: {path: a.tar}}")))
                .hasMessageContaining("dataset.params.num_examples_to_see needs a value");
    }

    @Test
    void initNeedsTheModelOnly() {
        ModelConfig model = ConfigReader.readModel(Yaml.arguments(FINETUNING, "model.pretrained=sd2"));

        assertThat(model.pretrained()).isEqualTo("sd2");
        assertThatThrownBy(() -> ConfigReader.readModel(Yaml.arguments(FINETUNING)))
                .hasMessageContaining("model.pretrained=PIPELINE_FOLDER");
    }
}

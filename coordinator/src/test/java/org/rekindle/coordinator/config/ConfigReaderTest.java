package org.rekindle.coordinator.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;

class ConfigReaderTest {

    @TempDir
    Path folder;

    @Test
    void absentKeysTakeTheirDefaults() {
        RunConfig config = read();

        assertThat(config.system())
                .isEqualTo(new SystemConfig(1, 4, null, null, null, null, 0L, 1, null, 10, null, null));
        assertThat(config.experiment().saveEvery()).isEqualTo(1000);
        assertThat(config.experiment().keepCheckpoints()).isNull();
        assertThat(config.optimizer().params()).isEqualTo(new OptimizerConfig.Params(1e-4, 0.9, 0.999, 0.01, 1e-8));
        assertThat(config.lrScheduler())
                .isEqualTo(new LrSchedulerConfig("ConstantWithWarmup", new LrSchedulerConfig.Params(1e-4, 0L)));
        assertThat(config.model().mixedPrecision()).isEqualTo("fp32");
        assertThat(config.model().ema().decay()).isEqualTo(0.995);
        assertThat(config.objective().target()).isEqualTo("denoising");
        assertThat(config.dataset())
                .isEqualTo(new DatasetConfig(
                        "WebDataset",
                        new DatasetConfig.Params("data/shapes.tar", 4, null, 100L, null, null, null, null),
                        null));
        assertThat(config.notices()).isEmpty();
    }

    @Test
    void stepsCoverAllExamples() {
        assertThat(read("system.lanes=3").totalSteps(3))
                .as("100 examples, 12 a step")
                .isEqualTo(9);
        assertThat(read("experiment.num_examples_to_see=96").totalSteps(3)).isEqualTo(8);
        assertThat(read("system.gradient_accumulation=4").lanes(2)).isEqualTo(8);
        assertThat(read("system.lanes=5").lanes(2)).isEqualTo(5);
    }

    @Test
    void overridesAreYaml() {
        RunConfig config = read(
                "model.unet.params.block_out_channels=[32, 64]",
                "model.unet.params.note=null",
                "dataset.params.filters={width: \">=64\"}",
                "model.use_ema=yes",
                "optimizer.params.learning_rate=1e-5",
                "experiment.name=\"007\"",
                "dataset.params.path=s3://bucket/{0..7}.tar");

        assertThat(config.model().unet().params().toString())
                .isEqualTo("{\"block_out_channels\":[32,64],\"note\":null}");
        assertThat(config.dataset().params().filters()).containsExactly(Map.entry("width", ">=64"));
        assertThat(config.model().useEma()).isTrue();
        assertThat(config.optimizer().params().learningRate()).isEqualTo(1e-5);
        assertThat(config.experiment().name()).isEqualTo("007");
        assertThat(config.dataset().params().path()).isEqualTo("s3://bucket/{0..7}.tar");
    }

    @Test
    void theFolderOfTheYamlServesPaths() {
        assertThat(read("dataset.params.path=${config_dir}/data/0.tar")
                        .dataset()
                        .params()
                        .path())
                .isEqualTo(folder.toAbsolutePath() + "/data/0.tar");
    }

    @Test
    void numbersMayComeFromTheEnvironment() {
        List<String> arguments = Yaml.written(folder, Yaml.SMALL, "system.batch_size=${oc.env:BATCH,2}");

        assertThat(ConfigReader.read(arguments, name -> name.equals("BATCH") ? "16" : null)
                        .system()
                        .batchSize())
                .isEqualTo(16);
        assertThat(ConfigReader.read(arguments, name -> null).system().batchSize())
                .isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            system.batchsize=4             | unknown key system.batchsize; did you mean batch_size?
            experiment.num_exmaples_to_see=4 | unknown key experiment.num_exmaples_to_see; did you mean num_examples_to_see?
            modle.pretrained=x             | unknown key modle; did you mean model?
            zebra=1                        | unknown key zebra; known here: system, distributed
            optimizer.params.momentum=0.9  | unknown key optimizer.params.momentum; known here: beta1, beta2
            dataset.params.pth=x           | unknown key dataset.params.pth; did you mean path?
            system.batch_size=four         | system.batch_size: "four" is not a whole number
            system.batch_size=1.5          | system.batch_size: 1.5 is not a whole number
            system.batch_size=3e9          | system.batch_size: 3.0E9 is not a whole number of at most 2147483647
            system.batch_size=[4]          | system.batch_size: [4] is not a whole number
            system.batch_size=true         | system.batch_size: true is not a whole number
            system.batch_size=""           | system.batch_size: "" is not a whole number
            system.batch_size.x=1          | system.batch_size: {"x":1} is not a whole number
            model.use_ema=maybe            | model.use_ema: "maybe" is not true or false
            model.gradient_checkpointing=maybe | model.gradient_checkpointing: "maybe" is not true, false or auto
            model.gradient_checkpointing=1 | model.gradient_checkpointing: 1 is not true, false or auto
            model.gradient_checkpointing=[] | model.gradient_checkpointing: [] is not true, false or auto
            system.encode_batch_size=0     | system.encode_batch_size: 0 is less than 1
            model.use_ema=1                | model.use_ema: 1 is not true or false
            optimizer.params.beta1=high    | optimizer.params.beta1: "high" is not a number
            experiment.name=[a, b]         | experiment.name: ["a","b"] is not a text
            experiment.name={a: b}         | experiment.name: {"a":"b"} is not a text
            model.unet=5                   | model.unet: 5 is not a section of keys
            model.unet=big                 | model.unet: "big" is not a section of keys
            model.unet.params=5            | model.unet.params: 5 is not a section of keys
            system=5                       | system: 5 is not a section of keys
            dataset.params.filters=5       | dataset.params.filters: 5 is not a section of keys
            dataset.params.filters.width=null | dataset.params.filters.width is empty
            system.batch_size=0            | system.batch_size: 0 is less than 1
            system.gradient_accumulation=0 | system.gradient_accumulation: 0 is less than 1
            system.lanes=0                 | system.lanes: 0 is less than 1
            system.threads=-1              | system.threads: -1 is less than 1
            system.dist_backend=mpi        | system.dist_backend: "mpi" is not one of nccl, gloo, ring
            distributed.tls={certificate: a.pem, ca: b.pem} | distributed.tls.key is missing: distributed.tls.certificate, distributed.tls.key, distributed.tls.ca are given all together, or none
            distributed.tls={certificate: a.pem, key: '-----BEGIN PRIVATE KEY-----', ca: b.pem} | distributed.tls.key holds what belongs into a file
            distributed.tls.cert=a.pem     | unknown key distributed.tls.cert; known here: ca, certificate, key
            experiment.name=" "            | experiment.name is empty
            experiment.num_examples_to_see=0 | experiment.num_examples_to_see: 0 is less than 1
            experiment.save_every=0        | experiment.save_every: 0 is less than 1
            experiment.eval_guidance_scale=-1 | experiment.eval_guidance_scale: -1.0 is not a finite number from 0 on
            experiment.keep_checkpoints=0  | experiment.keep_checkpoints: 0 is less than 1
            optimizer.name=sgd             | optimizer.name: "sgd" is not adamw
            optimizer.params.learning_rate=.nan | optimizer.params.learning_rate: NaN is not a finite number
            optimizer.params.beta2=1.0     | optimizer.params.beta2: 1.0 is not a number from 0 to below 1
            model.mixed_precision=fp16     | model.mixed_precision: "fp16" is not one of bf16, fp32
            model.ema.decay=1.5            | model.ema.decay: 1.5 is not a number from 0 to 1
            model.max_grad_norm=0          | model.max_grad_norm: 0.0 is not a finite number above 0
            distributed.bucket_mib=0       | distributed.bucket_mib: 0.0 is not a finite number above 0
            lr_scheduler.scheduler=Cosine  | lr_scheduler.scheduler: "Cosine" is not one of ConstantWithWarmup, CosineWithWarmup
            lr_scheduler.params.warmup_length=-1 | lr_scheduler.params.warmup_length: -1 is less than 0
            objective.target=denoise       | objective.target: "denoise" is not one of denoising, autoencoder; did you mean denoising?
            objective.params.reconstruction=huber | objective.params.reconstruction: "huber" is not one of l1, mse
            objective.params.snr_gamma=0   | objective.params.snr_gamma: 0.0 is not a finite number above 0
            objective.params.noise_offset=-1 | objective.params.noise_offset: -1.0 is not a finite number from 0 on
            objective.params.input_perturbation=.inf | objective.params.input_perturbation: Infinity is not a finite number
            objective.params.snr_gama=5    | unknown key objective.params.snr_gama; did you mean snr_gamma?
            objective.params.kl_weight=1   | objective.params.kl_weight: 1.0 is for objective.target autoencoder alone; remove it
            objective={target: autoencoder, params: {snr_gamma: 5}} | objective.params.snr_gamma: 5.0 is for objective.target denoising alone
            objective={target: autoencoder, params: {noise_offset: 0.1}} | objective.params.noise_offset: 0.1 is for objective.target
            objective={target: autoencoder, params: {input_perturbation: 0.1}} | objective.params.input_perturbation: 0.1 is for
            model.ema.warmup=powr          | model.ema.warmup: "powr" is not one of none, torch_ema, power; did you mean power?
            model.ema.power=0.5            | model.ema.power: 0.5 is for model.ema.warmup power alone; remove it
            model.ema={warmup: power, inv_gamma: 0} | model.ema.inv_gamma: 0.0 is not a finite number above 0
            model.unet.target=diffusers.UNet2dConditionModle | model.unet.target: "UNet2dConditionModle" is not UNet2DConditionModel; did you mean UNet2DConditionModel?
            model.vae.target=VQModel       | model.vae.target: "VQModel" is not AutoencoderKL
            model.text_encoder.target=ClipTextModle | model.text_encoder.target: "ClipTextModle" is not one of CLIPTextModel, T5EncoderModel; did you mean CLIPTextModel?
            model.noise_scheduler_inference.target=diffusers.DDIMSchedular | model.noise_scheduler_inference.target: "DDIMSchedular" is not one of
            model.noise_scheduler_training.target=DDIMSchedular | did you mean DDIMScheduler?
            model.noise_scheduler_training.params.beta_strat=0.1 | unknown key model.noise_scheduler_training.params.beta_strat; did you mean beta_start?
            model.noise_scheduler_inference.params={set_alpha: 1} | unknown key model.noise_scheduler_inference.params.set_alpha
            validation.every=10            | validation.every: 10 does nothing without validation.path; remove it
            validation={path: a.tar, every: 0} | validation.every: 0 is less than 1
            validation={path: a.tar, num_examples: 0} | validation.num_examples: 0 is less than 1
            validation.paths=x             | unknown key validation.paths; did you mean path?
            dataset.type=Parquets          | dataset.type: "Parquets" is not one of WebDataset, ClassificationWebDataset, Parquet, Csv, Latents; did you mean Parquet?
            dataset.params.multi_caption=all | dataset.params.multi_caption: "all" is not one of random, first
            dataset.params.on_shard_error=ignore | dataset.params.on_shard_error: "ignore" is not one of skip, stop
            dataset.params.filter_patience=0 | dataset.params.filter_patience: 0 is less than 1
            dataset.params.buckets={step: 4} | dataset.params.buckets.step: 4 is less than 8
            dataset.params.buckets={step: 1024} | dataset.params.buckets.step: 1024 is more than dataset.params.resolution: 512
            dataset.params.buckets={max_aspect_ratio: 0.5} | dataset.params.buckets.max_aspect_ratio: 0.5 is not a finite number from 1 on
            dataset.params.class_mapping={0: tench} | dataset.params.class_mapping: {"0":"tench"} does nothing for dataset.type WebDataset; choose ClassificationWebDataset; remove it
            dataset.type=ClassificationWebDataset | dataset.params.class_mapping is not set
            dataset.params.filters={score: "<=x"} | dataset.params.filters.score is '<=x': at character 3
            dataset.params.resolution=0    | dataset.params.resolution: 0 is less than 1
            dataset.params.text_dropout=2  | dataset.params.text_dropout: 2.0 is not a number from 0 to 1
            dataset.params.batch_size=8    | dataset.params.batch_size: 8 is not system.batch_size: 4
            model.pretrained=null          | model.pretrained needs a value
            optimizer.params.beta1=???     | optimizer.params.beta1 needs a value
            optimizer=null                 | optimizer.params.learning_rate needs a value (absent or ???)
            dataset=null                   | dataset.params.path needs a value
            dataset=???                    | dataset.params.path, dataset need values
            system.batch_size              | argument system.batch_size is not key=value
            .batch_size=4                  | argument .batch_size=4 is not key=value
            experiment.name={a             | argument experiment.name={a (quote a value
            """)
    void badValuesAreNamedInOneLine(String override, String message) {
        assertThatThrownBy(() -> read(override))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(message)
                .hasMessageNotContaining("\n");
    }

    @Test
    void whatModelPretrainedMakesUselessIsTold() {
        assertThat(read("model.vae.pretrained=other", "model.noise_scheduler_training.params.prediction_type=sample")
                        .notices())
                .containsExactly("model.vae: without effect, as model.pretrained goes before it");
        assertThat(read("model.text_encoder.target=T5EncoderModel").notices())
                .containsExactly("model.text_encoder: without effect, as model.pretrained goes before it");
        assertThat(read(
                                "model={pretrained: null, vae: {pretrained: p, params: {latent_channels: 4}}}",
                                "objective.target=autoencoder")
                        .notices())
                .containsExactly("model.vae.params: without effect, as model.vae.pretrained goes before them");
    }

    @Test
    void onlyTheComponentsOfTheObjectiveAreNeeded() {
        assertThatThrownBy(() -> read("model.pretrained=null", "model.vae.params={latent_channels: 4}"))
                .hasMessageContaining(
                        "model.text_encoder.pretrained, model.tokenizer.pretrained, model.unet.pretrained, "
                                + "model.noise_scheduler_training.pretrained need values");
        assertThat(read(
                                "model.pretrained=null",
                                "model.vae.params={latent_channels: 4}",
                                "objective.target=autoencoder")
                        .model()
                        .vae()
                        .isDeclared())
                .isTrue();
    }

    @ParameterizedTest
    @CsvSource({"True, TRUE", "false, FALSE", "auto, AUTO", "'\"Auto\"', AUTO", "null, FALSE"})
    void recomputingIsOnOrOffOrLeftToTheMemory(String written, GradientCheckpointing read) {
        assertThat(read("model.gradient_checkpointing=" + written).model().gradientCheckpointing())
                .isEqualTo(read);
    }

    @Test
    void encodingApartIsRefusedWhereNothingIsEncoded() {
        assertThatThrownBy(() -> read("dataset.type=Latents", "system.encode_batch_size=4"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("system.encode_batch_size: 4 does nothing without frozen encoders; remove it");
    }

    @Test
    void recomputingIsRefusedWhereThereAreNoSegments() {
        assertThatThrownBy(() -> read("objective.target=autoencoder", "model.gradient_checkpointing=true"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(
                        "model.gradient_checkpointing: true is for objective.target denoising alone; remove it");
    }

    @Test
    void theOptionsOfOtherTargetsAndWarmUpsHaveNoDefaults() {
        ObjectiveConfig.Params denoising =
                read("objective.params.snr_gamma=5").objective().params();
        assertThat(denoising).isEqualTo(new ObjectiveConfig.Params(null, null, 5.0, null, null));
        assertThat(read("objective.target=autoencoder").objective().params())
                .isEqualTo(new ObjectiveConfig.Params(1e-6, "mse", null, null, null));
        assertThat(read().model().ema()).isEqualTo(new EmaConfig(null, 0.995, "torch_ema", null, null));
        assertThat(read("model.ema.path=x").model().ema().warmup())
                .as("averages that come from elsewhere are warm")
                .isEqualTo("none");
        assertThat(read("model.ema.warmup=power").model().ema())
                .isEqualTo(new EmaConfig(null, 0.995, "power", 1.0, 2.0 / 3));
        assertThat(read().validation().isOn()).isFalse();
        assertThat(read("validation.path=a.tar").validation()).isEqualTo(new ValidationConfig("a.tar", 256, 1000));
    }

    @Test
    void aMissingFileIsOneLine() {
        assertThatThrownBy(() -> ConfigReader.read(List.of("config=" + folder.resolve("none.yaml"))))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("none.yaml: no such file");
        assertThatThrownBy(() -> ConfigReader.read(List.of("config=" + folder)))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("cannot be read");
        assertThatThrownBy(() -> ConfigReader.read(List.of("system.batch_size=2")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("config=FILE is missing");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            'system: [1'                   | run.yaml line 1 column
            'system: {a: 1}\nsystem: {}'   | run.yaml line 2 column 1: not valid YAML: found duplicate key system
            '- a'                          | not a YAML of sections
            ''                             | not a YAML of sections
            'system: &a {b: *a}'           | holds itself
            'system: !!java.io.File {}'    | not valid YAML
            """)
    void brokenYamlIsOneLineWithItsPlace(String text, String message) {
        assertThatThrownBy(() -> ConfigReader.read(Yaml.written(folder, text.replace("\\n", "\n"))))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(message)
                .hasMessageNotContaining("\n");
    }

    @Test
    void aFileThatIsNoTextIsOneLine() throws IOException {
        Path file = Files.write(folder.resolve("x.yaml"), new byte[] {(byte) 0xff, (byte) 0xfe, 0, 1});

        assertThatThrownBy(() -> ConfigReader.read(List.of("config=" + file)))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("not a text file in UTF-8");
    }

    @Test
    void theHashChangesWithTheNumbersOfARunAndWithNothingElse() {
        String hash = read().configurationHash();

        assertThat(hash).hasSize(64);
        assertThat(read("experiment.name=other", "system.threads=2", "experiment.num_examples_to_see=200", "wandb.x=1")
                        .configurationHash())
                .isEqualTo(hash);
        assertThat(read("distributed.tls={certificate: a.pem, key: a.key, ca: ca.pem}")
                        .configurationHash())
                .isEqualTo(hash);
        assertThat(read("model.gradient_checkpointing=auto", "system.encode_batch_size=2")
                        .configurationHash())
                .isEqualTo(hash);
        assertThat(read("system.batch_size=8").configurationHash()).isNotEqualTo(hash);
        assertThat(read("optimizer.params.beta2=0.98").configurationHash()).isNotEqualTo(hash);
        assertThat(read("dataset.params.filters.a='>1'").configurationHash()).isNotEqualTo(hash);
        assertThat(read("validation={path: a.tar, every: 10}").configurationHash())
                .isEqualTo(hash);
        assertThat(read("objective.params.snr_gamma=5").configurationHash()).isNotEqualTo(hash);
        assertThat(read("model.ema.warmup=none").configurationHash()).isNotEqualTo(hash);
        String cosine = read("lr_scheduler.scheduler=CosineWithWarmup").configurationHash();
        assertThat(read("lr_scheduler.scheduler=CosineWithWarmup", "experiment.num_examples_to_see=200")
                        .configurationHash())
                .isNotEqualTo(cosine);
    }

    @Test
    void bucketsAreWholeValuesAndNodesMustAgreeOnThem() {
        assertThat(read().distributed().bucketBytes()).isEqualTo(25 << 20);
        assertThat(read("distributed.bucket_mib=0.00001").distributed().bucketBytes())
                .isEqualTo(12);
        assertThat(read("distributed.bucket_mib=1e-9").distributed().bucketBytes())
                .isEqualTo(4);
        assertThat(read("distributed.bucket_mib=4096").distributed().bucketBytes())
                .isEqualTo(Integer.MAX_VALUE - 3);
        assertThat(read("distributed.bucket_mib=1").configurationHash()).isEqualTo(read().configurationHash());
        assertThat(read("distributed.bucket_mib=1").identity()).isNotEqualTo(read().identity());
    }

    private RunConfig read(String... overrides) {
        return ConfigReader.read(Yaml.written(folder, Yaml.SMALL, overrides));
    }
}

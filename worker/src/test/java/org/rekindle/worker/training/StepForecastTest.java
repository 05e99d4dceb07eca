package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.worker.models.AutoencoderKL;
import org.rekindle.worker.models.CLIPTextModel;
import org.rekindle.worker.models.Hardware;
import org.rekindle.worker.models.SegmentWork;
import org.rekindle.worker.models.UNet2DConditionModel;
import org.rekindle.worker.models.Work;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDraft;
import org.rekindle.worker.pipeline.TinyPipeline;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptModule;

class StepForecastTest {

    private static final Path FROM_SCRATCH = Path.of("..", "configs", "laion", "from-scratch.yaml");
    private static final long PARAMETERS = 859_520_964;

    private static final String VAE = """
            {"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "latent_channels": 4,
             "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
             "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}
            """;

    private static final String CLIP =
            "{\"hidden_size\": 768, \"intermediate_size\": 3072, \"num_hidden_layers\": 12, \"num_attention_heads\": 12}";

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"512, false, 2.41", "512, true, 3.21", "256, false, 0.54", "256, true, 0.72"})
    void aStepOfStableDiffusion1TakesTheFlopsOfThePerformanceAnchors(int side, boolean checkpointing, double tera) {
        StepForecast step =
                fromScratch("dataset.params.resolution=" + side, "model.gradient_checkpointing=" + checkpointing);

        assertThat(step.flops().perExample() / 1e12).isCloseTo(tera, withinPercentage(5));
        assertThat(step.uncounted()).containsExactly(Component.VAE, Component.TEXT_ENCODER);
    }

    /** Its README: 38 images a second of 256 px with 256 a GPU, 12 of 512 px with 64; "GPU memory (~60%) is not saturated". */
    @ParameterizedTest
    @CsvSource({"256, 256", "512, 64"})
    void theOriginalsBenchmarksTakeTheShareOf80GigabytesThatItReports(int side, int batch) {
        StepForecast step = fromScratch(
                "dataset.params.resolution=" + side,
                "system.batch_size=" + batch,
                "model.gradient_checkpointing=True",
                "model.use_ema=True");

        assertThat(step.memory().total() / 80e9).isBetween(0.5, 0.7);
    }

    @Test
    void weightsGradientsMomentsAndAveragesAreFp32() {
        StepMemory memory = fromScratch("model.use_ema=True").memory();

        assertThat(memory.weights()).isEqualTo(4 * PARAMETERS);
        assertThat(memory.gradients()).isEqualTo(4 * PARAMETERS);
        assertThat(memory.moments()).isEqualTo(8 * PARAMETERS);
        assertThat(memory.averages()).isEqualTo(4 * PARAMETERS);
        assertThat(memory.frozen()).isZero();
        assertThat(fromScratch("model.use_ema=False").memory().averages()).isZero();
    }

    @Test
    void aSharedOptimizerStateIsDividedAmongTheWorkers() {
        StepMemory memory = StepForecast.of(
                        config("distributed.shard_optimizer=True", "model.use_ema=True"),
                        draft(config()),
                        8,
                        Hardware.GPU)
                .orElseThrow()
                .memory();

        assertThat((double) memory.moments()).isCloseTo(PARAMETERS, withinPercentage(1));
        assertThat((double) memory.averages()).isCloseTo(PARAMETERS / 2.0, withinPercentage(1));
        assertThat(memory.gradients()).as("all of them on every worker").isEqualTo(4 * PARAMETERS);
    }

    @Test
    void aCheckpointIsAsLargeAsItsFiles() {
        assertThat(fromScratch("model.use_ema=True").disk()).isEqualTo(20 * PARAMETERS);
        assertThat(fromScratch("model.use_ema=False").disk()).isEqualTo(12 * PARAMETERS);
    }

    @Test
    void activationsGrowWithTheBatchAndShrinkWithCheckpointing() {
        ActivationMemory one = new ActivationMemory(1, ComputeType.FP32);
        ActivationMemory three = new ActivationMemory(3, ComputeType.FP32);
        Work work = new Work(0, 100, 130, 10);

        assertThat(one.plain(work)).isEqualTo(4 * 130);
        assertThat(three.plain(work)).isEqualTo(3 * one.plain(work));
        assertThat(new ActivationMemory(1, ComputeType.BF16).plain(work)).isEqualTo(2 * 130);
        assertThat(one.forward(work)).isEqualTo(4 * 3 * 10);
        List<SegmentWork> segments = List.of(
                new SegmentWork(new Work(0, 70, 100, 10), 5, 3, 0), new SegmentWork(new Work(0, 30, 60, 10), 6, 2, 4));
        assertThat(one.checkpointed(segments))
                .as("the first: its states, its result again, its fullest moment")
                .isEqualTo(4 * (5 + 3 + 100));
        assertThat(one.checkpointed(List.of(segments.get(1), segments.get(0))))
                .as("with the states before it")
                .isEqualTo(4 * (6 + 5 + 3 + 100));
    }

    /** What finetune.yaml promises, with Stable Diffusion 1: training and the drawing of pictures at the same time, and 1 GB for CUDA. */
    @Test
    void fineTuningAndItsPicturesFitIntoAGpuOf24Gigabytes() {
        RunConfig config = ConfigReader.read(List.of(
                "config=" + Path.of("..", "configs", "finetune.yaml"),
                "model.pretrained=sd14",
                "dataset.params.path=s3://bucket/{000..999}.tar"));
        PipelineDraft draft = new PipelineDraft(
                Map.of(
                        Component.UNET,
                        UNet2DConditionModel.of(TinyPipeline.json("{\"cross_attention_dim\": 768}"), ComputeType.BF16),
                        Component.VAE,
                        AutoencoderKL.of(TinyPipeline.json(VAE), ComputeType.BF16),
                        Component.TEXT_ENCODER,
                        CLIPTextModel.of(TinyPipeline.json(CLIP), ComputeType.BF16)),
                Map.of(),
                8,
                77,
                null,
                false);

        StepForecast step = StepForecast.of(config, draft, 1, Hardware.GPU).orElseThrow();

        assertThat(step.memory().frozen()).isEqualTo(4 * (83_653_863 + 123_060_480L));
        assertThat(step.pictures()).isGreaterThan(4 * (PARAMETERS + 83_653_863 + 123_060_480L));
        assertThat(step.memory().total() + step.pictures()).isLessThan(23_000_000_000L);
        assertThat(step.heap()).isEqualTo(12 * PARAMETERS);
    }

    @Test
    void picturesTakeNothingWhereNoneAreDrawn() {
        assertThat(fromScratch("experiment.num_eval_images=0").pictures()).isZero();
        long four = fromScratch("experiment.num_eval_images=4").pictures() - 4 * PARAMETERS;
        assertThat(fromScratch("experiment.num_eval_images=8").pictures() - 4 * PARAMETERS)
                .isEqualTo(2 * four);
        assertThat(fromScratch("experiment.num_eval_images=8", "experiment.eval_guidance_scale=1")
                                .pictures()
                        - 4 * PARAMETERS)
                .isEqualTo(four);
    }

    @Test
    void encodersCountUnlessTheirLatentsArePrecomputed() {
        TinyRun run = TinyRun.denoising(folder);
        RunConfig online = run.config();
        PipelineDraft draft = draft(online);
        StepForecast step = StepForecast.of(online, draft, 1, Hardware.GPU).orElseThrow();
        long frozen = Stream.of(Component.VAE, Component.TEXT_ENCODER)
                .map(draft.modules()::get)
                .mapToLong(ScriptModule::parameterCount)
                .sum();

        assertThat(step.memory().frozen()).isEqualTo(4 * frozen);
        assertThat(step.flops().frozenMacs()).isPositive();
        assertThat(step.uncounted()).isEmpty();

        StepForecast latents = fromScratch("dataset.type=Latents");
        assertThat(latents.flops().frozenMacs()).isZero();
        assertThat(latents.uncounted()).isEmpty();
    }

    @Test
    void anAutoencoderIsTrainedOnBothOfItsHalves() {
        RunConfig config = TinyRun.denoising(folder).autoencoder().config();
        StepForecast step =
                StepForecast.of(config, draft(config), 1, Hardware.GPU).orElseThrow();

        assertThat(step.flops().passes()).isEqualTo(3);
        assertThat(step.activationsOtherwise()).isEmpty();
        assertThat(step.memory().weights())
                .isEqualTo(4 * draft(config).modules().get(Component.VAE).parameterCount());
    }

    @Test
    void theDraftHasTheModulesOfThePipelineThatARunMakes() {
        RunConfig config = TinyRun.denoising(folder).config();
        var pipeline = TinyPipeline.write(folder.resolve("pipeline"), 0);

        assertThat(draft(config).modules())
                .containsOnlyKeys(Component.TEXT_ENCODER, Component.VAE, Component.UNET)
                .allSatisfy((component, module) -> assertThat(module.parameterCount())
                        .isEqualTo(pipeline.module(component, ComputeType.FP32).parameterCount()));
        assertThat(draft(config).tokens()).isEqualTo(16);
        assertThat(draft(config).vaeScaleFactor()).isEqualTo(pipeline.vaeScaleFactor());
    }

    private static StepForecast fromScratch(String... settings) {
        RunConfig config = config(settings);
        return StepForecast.of(config, draft(config), 1, Hardware.GPU).orElseThrow();
    }

    private static PipelineDraft draft(RunConfig config) {
        return PipelineDraft.of(
                config.model(), config.dataset(), StepForecast.computeType(config), EnumSet.of(Component.VAE));
    }

    private static RunConfig config(String... settings) {
        return ConfigReader.read(Stream.concat(
                        Stream.of(
                                "config=" + FROM_SCRATCH,
                                "experiment.log_dir=runs",
                                "model.vae.pretrained=CompVis/stable-diffusion-v1-4",
                                "dataset.params.path=s3://bucket/{000..999}.tar"),
                        Stream.of(settings))
                .toList());
    }
}

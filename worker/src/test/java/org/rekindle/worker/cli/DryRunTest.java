package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.RunFolder;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.RunConfig;

class DryRunTest {

    @TempDir
    Path folder;

    @Test
    void itTellsWhatARunWouldTakeAndMakesNothing() {
        CommandRun run = dryRun();

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).isEmpty();
        assertThat(run.out().lines())
                .contains(
                        "  save_every: 10",
                        row("shards", "4 made at the start"),
                        row("lanes", "2, each of 4 examples a step"),
                        row("", "1 worker computes all of them, one after the other"),
                        row("examples per step", "8"),
                        row("steps", "40, which see 320 examples"),
                        row("epochs", "2.50 of 128 examples"),
                        row("UNet", "64,796 parameters, trained"))
                .anyMatch(line -> line.startsWith("FLOPs per step"))
                .anyMatch(line -> line.matches(" {2}gradients +259,184"))
                .anyMatch(line -> line.matches("checkpoints +5 of 1\\.30 MB, the newest 2 kept"));
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void torchIsNotLoaded() throws Exception {
        assertThat(classesOf("train", "--dry-run"))
                .contains("org.rekindle.worker.cli.DryRun")
                .doesNotContain("ai.djl.pytorch");
        assertThat(classesOf("init", "out=" + folder.resolve("pipeline")))
                .as("what a run does first")
                .contains("ai.djl.pytorch.jni.LibUtils");
    }

    /** The log of the classes that a command loads. */
    private String classesOf(String... command) throws Exception {
        Path log = folder.resolve(command[0] + ".log");
        String[] arguments = Stream.concat(
                        Stream.of(command),
                        Stream.of("config=" + CommandRun.TINY, "experiment.log_dir=" + folder.resolve("runs")))
                .toArray(String[]::new);
        Map<String, String> logging = Map.of("JAVA_TOOL_OPTIONS", "-Xlog:class+load:file=" + log);
        RekindleProcess.startWith(logging, folder, arguments).awaitSuccess();
        return Files.readString(log);
    }

    @Test
    void workersAreThoseOfTheLauncherUnlessTheyAreGiven() throws Exception {
        RekindleProcess process = RekindleProcess.startWith(
                Map.of("RANK", "0", "WORLD_SIZE", "3", "MASTER_ADDR", "127.0.0.1", "MASTER_PORT", "1"),
                folder,
                "train",
                "--dry-run",
                "config=" + CommandRun.TINY,
                "experiment.log_dir=" + folder);

        process.awaitSuccess();
        assertThat(process.output().lines())
                .contains(
                        row("lanes", "6, each of 4 examples a step"),
                        row("", "3 workers compute 2 each, one after the other"));
    }

    @Test
    void itSaysWhatTheLossOfAWorkerCosts() {
        assertThat(dryRun("--workers", "8", "system.lanes=8").out().lines())
                .contains(
                        row("", "8 workers compute 1 each"),
                        row("", "without one of them a step takes 2 rounds in place of 1, as long as with 4 workers"),
                        row("", "system.lanes=32 system.batch_size=1 make a loss cheaper, of as many examples"),
                        row("", "fewer shards than lanes: 2 lanes read each of them; make as many shards as lanes"));
        assertThat(dryRun("--workers", "2", "system.lanes=3").out())
                .contains("without one of them a step takes 3 rounds in place of 2, as long as with 1 worker\n");
        assertThat(dryRun("--workers", "3", "system.lanes=64").out())
                .contains("3 workers compute 21 or 22 each")
                .doesNotContain("make a loss cheaper");
    }

    @Test
    void aSpareMakesALossFreeAndTooFewWorkersWait() {
        assertThat(dryRun("--workers", "5", "system.lanes=4").out())
                .contains(row("", "1 more waits as a spare, and the loss of a worker costs nothing"))
                .doesNotContain("without one of them");
        assertThat(dryRun("--workers", "2", "system.lanes=8", "system.min_workers=4")
                        .out())
                .contains(
                        row("", "2 workers are not enough: the run waits for 4 workers (system.min_workers)"),
                        row("", "4 workers compute 2 each, one after the other"),
                        row(
                                "",
                                "without one of them the run waits until there are 4 workers again (system.min_workers)"))
                .doesNotContain("rounds");
        assertThat(dryRun("--workers", "4", "system.lanes=8", "system.min_workers=3")
                        .out())
                .contains("without one of them a step takes 3 rounds in place of 2")
                .doesNotContain("waits");
    }

    @Test
    void stepsSeeAsManyExamplesAsAWholeNumberOfThemTakes() {
        assertThat(dryRun("experiment.num_examples_to_see=321").out().lines())
                .contains(row("steps", "41, which see 328 examples"));
    }

    @Test
    void picturesCountWhereTheyAreDrawn() {
        assertThat(dryRun().out())
                .containsPattern("(?m)^  and for a while +[\\d,]+, where the pictures of a checkpoint are drawn: ");
        assertThat(dryRun("experiment.num_eval_images=0").out()).doesNotContain("pictures of a checkpoint");
    }

    @Test
    void theHeapHoldsACheckpointAndTheImagesThatWait() {
        CommandRun small = dryRun("dataset.params.shuffle_buffer=10");

        assertThat(small.out().lines())
                .anyMatch(line -> line.matches("  checkpoint +1,036,736, a copy .*"))
                .anyMatch(line -> line.matches("  images waiting +6,000,000: 60 of 100 kB, 3 blocks a lane .*"))
                .anyMatch(line -> line.endsWith("REKINDLE_JAVA_OPTS=-Xmx1g"))
                .noneMatch(line -> line.contains("more than the heap"));
        assertThat(dryRun("dataset.params.shuffle_buffer=1000").out())
                .as("a block ends with the epoch")
                .contains("384 of 100 kB");
        assertThat(dryRun("dataset.make.examples=10000000", "dataset.params.shuffle_buffer=1000000")
                        .out())
                .contains("6,000,000 of 100 kB", "-Xmx699g", "more than the heap of");
    }

    @Test
    void aVocabularyThatIsYetToBeLearntIsAtMostSoLarge() throws IOException {
        assertThat(dryRun().out()).containsPattern("(?m)^text encoder +[\\d,]+ parameters, frozen$");

        Path open = Files.writeString(
                folder.resolve("open.yaml"),
                Files.readString(CommandRun.TINY)
                        .replaceFirst("(text_encoder:\\s+params:\\s+)vocab_size: 600\\s+", "$1"));
        assertThat(CommandRun.of("train", "--dry-run", "config=" + open, "experiment.log_dir=" + folder)
                        .out())
                .containsPattern("(?m)^text encoder +at most [\\d,]+ parameters, frozen$");
    }

    @Test
    void aRunInABucketIsNotLookedAt() throws Exception {
        Map<String, String> nowhere = Map.of(
                "AWS_REGION", "",
                "AWS_ENDPOINT_URL", "",
                "AWS_ENDPOINT_URL_S3", "",
                "AWS_CONFIG_FILE", folder.resolve("none").toString(),
                "AWS_SHARED_CREDENTIALS_FILE", folder.resolve("none").toString(),
                "AWS_EC2_METADATA_DISABLED", "true");
        List<String> settings = List.of(
                "config=" + CommandRun.TINY,
                "experiment.log_dir=s3://bucket/runs",
                "experiment.requeue=false",
                "dataset.make=null",
                "dataset.params.path=s3://bucket/{000..003}.tar");

        RekindleProcess dry = process(nowhere, List.of("train", "--dry-run", "--workers", "2"), settings);
        dry.awaitSuccess();
        assertThat(dry.output().lines())
                .contains(
                        row("run", "s3://bucket/runs/tiny, in a bucket, not looked at"),
                        row("", "its workers need MASTER_ADDR and MASTER_PORT"));

        RekindleProcess train = process(nowhere, List.of("train"), settings);
        assertThat(train.await()).isEqualTo(1);
        assertThat(train.output().lines())
                .containsExactly("rekindle: S3: neither the environment nor a profile names a region;"
                        + " set AWS_REGION or dataset.params.s3.region");

        Map<String, String> elastic = Map.of("RANK", "0", "WORLD_SIZE", "2");
        RekindleProcess apart = process(elastic, List.of("train", "--dry-run"), settings);
        assertThat(apart.await()).isEqualTo(1);
        assertThat(apart.output().lines())
                .singleElement()
                .asString()
                .contains("experiment.log_dir: a bucket has no lock", "set MASTER_ADDR and MASTER_PORT");
    }

    private RekindleProcess process(Map<String, String> environment, List<String> command, List<String> settings)
            throws IOException {
        return RekindleProcess.startWith(
                environment,
                folder,
                Stream.concat(command.stream(), settings.stream()).toArray(String[]::new));
    }

    @Test
    void aRunThatGoesOnIsToldByItsNewestCheckpoint() throws IOException {
        CommandRun init = CommandRun.of(
                "init",
                "config=" + CommandRun.TINY,
                "out=" + folder.resolve("pipeline"),
                "experiment.log_dir=" + folder);
        assertThat(init.code()).as(init.err()).isZero();
        RunConfig config = ConfigReader.read(List.of("config=" + CommandRun.TINY, "experiment.log_dir=" + folder));
        Checkpoint made = RunFolder.checkpoints(config)
                .commit(
                        new TrainerState(30, 240, 2, Map.of(), 7, config.configurationHash(), null),
                        1,
                        path -> move(folder.resolve("pipeline"), path.resolve("pipeline")));

        assertThat(dryRun("--workers", "3").out().lines())
                .as("with the lanes that it has, though three workers would begin with six")
                .contains(
                        row("run", "goes on from step 30, 10 steps left: " + made.folder()),
                        row("lanes", "2, each of 4 examples a step"),
                        row("UNet", "64,796 parameters, trained"))
                .noneMatch(line -> line.startsWith("missing"));
        assertThat(dryRun("model.vae.pretrained=none/there").out())
                .as("the checkpoint has the models")
                .doesNotContain("missing");
        assertThat(dryRun("optimizer.params.weight_decay=0.5").out())
                .contains("note: the configuration is not the one that " + made.folder() + " was trained with");
        dryRun("system.lanes=4").assertOneLine(1, "system.lanes=4 does not fit", "trained with 2");
        dryRun("system.batch_size=2").assertOneLine(1, "system.batch_size=2 does not fit");
        dryRun("system.seed=8").assertOneLine(1, "system.seed=8 does not fit", "trained with 7");

        Files.writeString(made.pipeline().resolve("model_index.json"), "{");
        dryRun().assertOneLine(1, "no whole checkpoint is there");
    }

    private static void move(Path from, Path to) {
        try {
            Files.move(from, to);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aFileInTheRunFoldersPlaceIsRefused() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));

        dryRun("experiment.log_dir=" + file).assertOneLine(1, "cannot be created, for " + file + " is a file");
    }

    @Test
    void modelsThatAreNotOnThisMachineAreNamedAndLeftOut() {
        CommandRun run =
                dryRun("model.vae.pretrained=CompVis/stable-diffusion-v1-4", "model.unet.params.sample_size=2");

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out().lines())
                .contains(
                        row("missing", "CompVis/stable-diffusion-v1-4: not on this machine (model.vae.pretrained)"),
                        row(
                                "",
                                "correct the path, or, if it is a name on the hub, run `rekindle download"
                                        + " model=CompVis/stable-diffusion-v1-4 out=DIR` and set the keys to DIR;"
                                        + " left out of the numbers here"),
                        row("", "without the autoencoder, which is missing"),
                        row("UNet", "64,796 parameters, trained"));
        assertThat(dryRun("model.ema.path=nope").out())
                .contains("missing            nope: not on this machine (model.ema.path)");
        assertThat(dryRun("model.pretrained=" + folder.resolve("nope")).out())
                .contains("name the folder that holds it, or run `rekindle download model=ORG/NAME out=DIR`")
                .doesNotContain("FLOPs");
    }

    @Test
    void aWholePipelineOfThisMachineIsReadByItsConfigs() {
        Path pipeline = folder.resolve("pipeline");
        String logs = "experiment.log_dir=" + folder.resolve("run");
        CommandRun init = CommandRun.of("init", "config=" + CommandRun.TINY, "out=" + pipeline, logs);
        assertThat(init.code()).as(init.err()).isZero();

        CommandRun run = dryRun(logs, "model.pretrained=" + pipeline);

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out().lines())
                .contains(row("UNet", "64,796 parameters, trained"), row("shards", "4 on this machine"))
                .noneMatch(line -> line.startsWith("missing"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "model.unet.params.down_block_types=[DownBlock2D,WarpDownBlock2D] | model.unet: | WarpDownBlock2D",
                "model.unet.params.cross_attention_dim=24 | model: unet: cross_attention_dim is 24 | hidden_size is 16",
                "model.unet.params.in_channels=3 | unet: in_channels is 3 | latent_channels is 4",
                "model.tokenizer.params.vocabulary=3 | model.tokenizer.params.vocabulary | unknown key",
                "dataset.make=null | dataset.params.path: 4 of 4 shards missing | shapes-000.tar",
                "dataset.make.source=shape | dataset.make.source 'shape' is unknown | choose shapes, colours",
                "dataset.make.source=folder | dataset.make.input is not set | a folder of images",
                "dataset.make={source: csv, input: nope.csv} | dataset.make.input=nope.csv: no such file | a CSV file",
                "model.tokenizer.params.captions=nope.tar | model.tokenizer.params.captions: 1 of 1 shards missing | nope.tar",
                "model.tokenizer.params.model_max_length=17 | model: tokenizer: model_max_length is 17 | max_position_embeddings is 16",
                "model.vae.pretrained=s3://bucket/vae | model.vae.pretrained=s3://bucket/vae | folders of this machine",
                "validation.path=nope.tar | validation.path: 1 of 1 shards missing | nope.tar",
                "experiment.eval_caption_file=nope.csv | nope.csv | no such file",
                "system.batch_size=0 | system.batch_size | is less than 1",
                "model.noise_scheduler_training.params.rescale_betas_zero_snr=true | model.noise_scheduler_training | v_prediction",
                "--workers=0 | --workers 0 | at least 1",
            })
    void whatAStartWouldRefuseIsRefusedInOneLine(String setting, String where, String what) {
        CommandRun run = dryRun(setting);

        run.assertOneLine(1, where, what);
        assertThat(run.err()).as("the folder for temporary files is nobody's").doesNotContain("rekindle-draft");
        assertThat(run.out()).isEmpty();
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void captionsThatAreMissingAreMissedUnderTheirOwnKey() {
        String setting = "model.tokenizer.params.captions=nope.tar";
        String line = "model.tokenizer.params.captions: 1 of 1 shards missing, the first is nope.tar";

        dryRun(setting).assertOneLine(1, line);
        CommandRun.of(
                        "init",
                        "config=" + CommandRun.TINY,
                        "experiment.log_dir=" + folder,
                        "out=" + folder.resolve("pipeline"),
                        setting)
                .assertOneLine(1, line);
        assertThat(dryRun("model.tokenizer.params.captions=" + folder.resolve("tiny/data/shapes-{000..001}.tar"))
                        .code())
                .as("of shards that the start makes")
                .isZero();
    }

    @Test
    void aFolderWithCheckpointsOfAnotherRunIsRefused() throws IOException {
        Files.createDirectories(folder.resolve("tiny/checkpoints/step_00000010"));

        dryRun("experiment.requeue=False").assertOneLine(1, "experiment.requeue=true");
        dryRun("experiment.requeue=True").assertOneLine(1, "no whole checkpoint is there");
    }

    @Test
    void secretsAreNotShown() {
        CommandRun run = dryRun("wandb.api_key=hush-hush", "monitoring.token=hush-hush");

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).doesNotContain("hush-hush");
    }

    @Test
    void workersAreGivenToADryRunOnly() {
        CommandRun.of("train", "--workers", "2", "config=" + CommandRun.TINY)
                .assertOneLine(1, "--workers 2 is for --dry-run");
    }

    private CommandRun dryRun(String... settings) {
        return CommandRun.of(Stream.concat(
                        Stream.of("train", "--dry-run", "config=" + CommandRun.TINY, "experiment.log_dir=" + folder),
                        Stream.of(settings))
                .toArray(String[]::new));
    }

    private static String row(String name, String text) {
        return "%-18s %s".formatted(name, text);
    }
}

package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
        assertThat(dryRun("--workers", "5", "system.lanes=4").out().lines()).contains(row("", "1 more wait as spares"));
        assertThat(dryRun("--workers", "3", "system.lanes=64").out())
                .contains("3 workers compute 21 or 22 each")
                .doesNotContain("make a loss cheaper");
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
                                "run `rekindle download model=CompVis/stable-diffusion-v1-4 out=DIR` and set the keys to DIR; left out"
                                        + " of the numbers here"),
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
    void aFolderWithCheckpointsOfAnotherRunIsRefused() throws IOException {
        Files.createDirectories(folder.resolve("tiny/checkpoints/step_00000010"));

        dryRun("experiment.requeue=False").assertOneLine(1, "experiment.requeue=true");
        assertThat(dryRun("experiment.requeue=True").code()).isZero();
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

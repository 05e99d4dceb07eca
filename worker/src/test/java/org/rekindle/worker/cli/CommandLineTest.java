package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.worker.torchscript.Torch;

/** Each mistake at the command line is told in one line, with an exit code other than 0, and leaves nothing behind. */
class CommandLineTest {

    private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";

    @TempDir
    static Path shared;

    private static Path pipeline;

    @TempDir
    Path folder;

    private Path copy;
    private Path out;

    @BeforeAll
    static void makePipeline() {
        pipeline = shared.resolve("pipeline");
        CommandRun init = CommandRun.of(
                "init", "config=" + CommandRun.TINY, "out=" + pipeline, "experiment.log_dir=" + shared.resolve("run"));
        assertThat(init.code()).as(init.err()).isZero();
        assertThat(init.err()).isEmpty();
    }

    @BeforeEach
    void chooseOutput() {
        copy = folder.resolve("pipeline");
        out = folder.resolve("out");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "shards", "bench"})
    void aCommandThatGroupsOthersShowsItsUsage(String group) {
        CommandRun run = CommandRun.of(words(group));

        assertThat(run.code()).isEqualTo(2);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).startsWith("Usage: rekindle").contains("Commands:");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "train",
                "generate",
                "download",
                "init",
                "export",
                "tokenize",
                "shards",
                "shards make",
                "shards stat",
                "shards index",
                "shards verify",
                "shards reshard",
                "verify",
                "bench",
                "bench step",
                "bench data"
            })
    void helpAndVersionAreEverywhere(String command) {
        CommandRun help = CommandRun.of(words(command + " --help"));
        CommandRun version = CommandRun.of(words(command + " --version"));

        assertThat(help.code()).isZero();
        assertThat(help.out()).startsWith(("Usage: rekindle " + command).strip());
        assertThat(version.code()).isZero();
        assertThat(version.out()).startsWith("rekindle ").hasLineCount(1);
        assertThat(help.err() + version.err()).isEmpty();
    }

    @Test
    void shardsAreIndexedVerifiedAndResharded(@TempDir Path folder) throws Exception {
        try (TarFile tar = new TarFile(folder.resolve("x.tar"))) {
            for (int i = 0; i < 4; i++) {
                tar.image("k" + i, "pixel.png")
                        .caption("k" + i, "c")
                        .member("k" + i + ".json", ("{\"s\": " + i + "}").getBytes());
            }
        }
        String path = "path=" + folder.resolve("x.tar");
        assertThat(CommandRun.of("shards", "index", path).out()).isEqualTo("1 indexes made, 0 were there\n");
        assertThat(CommandRun.of("shards", "index", path).out()).isEqualTo("0 indexes made, 1 were there\n");
        assertThat(CommandRun.of("shards", "verify", path).out()).isEqualTo("4 examples in 1 shards, 0 problems\n");
        CommandRun reshard = CommandRun.of(
                "shards", "reshard", path, "out=" + folder + "/y-{0..1}.tar", "filters.s=>=2", "examples_per_shard=1");
        assertThat(reshard.out()).isEqualTo("2 rejected by s>=2\n2 of 4 examples in 2 shards\n");
        try (TarFile tar = new TarFile(folder.resolve("bad.tar"))) {
            tar.image("k", "pixel.png");
        }
        CommandRun verify = CommandRun.of("shards", "verify", "path=" + folder.resolve("bad.tar"));
        assertThat(verify.code()).isEqualTo(1);
        assertThat(verify.out()).isEqualTo("bad.tar#k: no caption\n1 examples in 1 shards, 1 problems\n");
    }

    @Test
    void anUnknownCommandOrOptionNamesTheNearest() {
        CommandRun.of("trian").assertOneLine(2, "trian is no command", "did you mean", "train");
        CommandRun.of("shards", "mak").assertOneLine(2, "mak is no command", "make", "rekindle shards --help");
        CommandRun.of("train", "--foo").assertOneLine(2, "--foo is no option", "rekindle train --help");
        CommandRun.of("bench", "step", "--steps=many").assertOneLine(2, "--steps", "many", "rekindle bench step");
    }

    @Test
    void whatNeedsGpusIsALineWhereThereIsNone() {
        assumeFalse(Torch.build().cuda());
        CommandRun.of("bench", "nccl").assertOneLine(1, "distributed.dist_backend nccl: ", "cannot be loaded");
    }

    @ParameterizedTest
    @CsvSource({
        "train, config=FILE is missing",
        "bench step, config=FILE is missing",
        "bench data, config=FILE is missing",
        "init, out= is missing",
        "init out=x, config=FILE is missing",
        "generate, pipeline= is missing",
        "generate pipeline=x, out= is missing",
        "download, model= is missing",
        "download model=a/b, out= is missing",
        "export, pipeline= is missing",
        "export pipeline=x out=y, component= is missing",
        "tokenize pipeline=x text=y, out= is missing",
        "verify, run= is missing",
        "shards make, out= is missing",
        "shards make out=x.tar, source= is missing",
        "shards stat, path= is missing",
        "shards index, path= is missing",
        "shards verify, path= is missing",
        "shards reshard path=x.tar, out= is missing"
    })
    void aMissingKeyIsNamed(String command, String line) {
        CommandRun.of(words(command)).assertOneLine(1, line);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "generate pipeline=x out=y prompt=z",
                "export pipeline=x component=unet out=y",
                "tokenize pipeline=x text=y out=z",
                "verify run=x",
                "shards make source=shapes out=x.tar",
                "shards stat path=x"
            })
    void anUnknownKeyIsRefused(String command) {
        CommandRun.of(words(command + " colour=red")).assertOneLine(1, "unknown key colour", "known here");
        CommandRun.of(words(command + " colour")).assertOneLine(1, "colour is not key=value");
    }

    @ParameterizedTest
    @CsvSource({
        "system.batchsize=3, unknown key system.batchsize; did you mean batch_size?",
        "system.batch_size=three, is not a whole number",
        "system.batch_size=0, is less than 1",
        "optimizer.name=sgd, is not adamw",
        "lr_scheduler.scheduler=Linear, is not one of ConstantWithWarmup",
        "model.mixed_precision=fp16, is not one of bf16",
        "objective.target=gan, is not one of denoising"
    })
    void aWrongSettingIsNamedAndNothingIsWritten(String setting, String line) {
        CommandRun.of("train", "config=" + CommandRun.TINY, "experiment.log_dir=" + out, setting)
                .assertOneLine(1, setting.substring(0, setting.indexOf('=')), line);
        assertThat(out).doesNotExist();
    }

    @Test
    void aConfigurationThatIsNotThereOrNotCompleteIsNamed() {
        CommandRun.of("train", "config=nope.yaml").assertOneLine(1, "config=nope.yaml", "no such file");
        CommandRun.of("train", "config=" + folder).assertOneLine(1, folder.toString(), "cannot be read");
        CommandRun.of("train", "config=" + CommandRun.TINY)
                .assertOneLine(1, "experiment.log_dir needs a value", "???", "experiment.log_dir=FOLDER");
    }

    @Test
    void aLogDirectoryThatCannotBeWrittenIsNamed() throws IOException {
        Path closed = Files.createDirectory(folder.resolve("closed"));
        assertThat(closed.toFile().setWritable(false)).isTrue();
        Path readOnly = Files.isWritable(closed) ? Path.of("/proc") : closed; // root may write wherever a disk can
        Path file = Files.createFile(folder.resolve("file"));

        train("experiment.log_dir=" + readOnly).assertOneLine(1, readOnly + "/tiny", "cannot be written", "log_dir");
        train("experiment.log_dir=" + file).assertOneLine(1, file + "/tiny", "choose another experiment.log_dir");
    }

    @Test
    void anUnsupportedBlockTypeIsNamedByItsKeyAndLeavesNoCheckpoint() {
        CommandRun run =
                train("experiment.log_dir=" + out, "model.unet.params.down_block_types=[DownBlock2D,WarpDownBlock2D]");

        run.assertOneLine(1, "model.unet: ", "down_block_types", "WarpDownBlock2D", "supported: a list of DownBlock2D");
        assertThat(out.resolve("tiny/checkpoints")).isEmptyDirectory();
        assertThat(out.resolve("tiny/current_pipeline")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({
        "model_index.json, has no model_index.json",
        "unet/config.json, no such file",
        "vae/config.json, no such file",
        "unet/" + WEIGHTS + ", no such file",
        "text_encoder/model.safetensors, no such file",
        "tokenizer/merges.txt, no such file",
        "scheduler/scheduler_config.json, no such file"
    })
    void aPipelineWithoutAFileIsRefused(String file, String line) throws IOException {
        copyPipeline();
        Files.delete(copy.resolve(file));

        generate().assertOneLine(1, file, line);
        assertThat(out).doesNotExist();
    }

    @Test
    void safetensorsWithALyingHeaderAreRefused() throws IOException {
        copyPipeline();
        Path weights = copy.resolve("unet").resolve(WEIGHTS);
        try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
            file.writeLong(0xFFFFFFFF_FFFFFF7FL);
        }
        Path archive = folder.resolve("unet.pt");

        generate().assertOneLine(1, weights.toString(), "header", "9223372036854775807 bytes");
        CommandRun.of("export", "pipeline=" + copy, "component=unet", "out=" + archive)
                .assertOneLine(1, weights.toString(), "header");
        assertThat(archive).doesNotExist();
    }

    @Test
    void aConfigOfAnUnsupportedBlockTypeOrDamagedIsRefused() throws IOException {
        copyPipeline();
        Path config = copy.resolve("unet/config.json");
        String whole = Files.readString(config);

        Files.writeString(config, whole.replace("CrossAttnDownBlock2D", "WarpDownBlock2D"));
        generate().assertOneLine(1, config.toString(), "down_block_types", "WarpDownBlock2D", "CrossAttnDownBlock2D");
        Files.writeString(config, whole.substring(0, 40));
        generate().assertOneLine(1, config.toString(), "not valid JSON");
    }

    @ParameterizedTest
    @CsvSource({
        "precision=fp64, choose fp32 or bf16",
        "scheduler=lms, choose ddpm",
        "batch_size=0, is less than 1",
        "num_inference_steps=0, expected 1 to 1000",
        "num_inference_steps=many, is not a whole number",
        "guidance_scale=.nan, is no finite number",
        "threads=0, is less than 1",
        "latents=nope.safetensors, no such file",
        "prompts=nope.csv, either prompt",
        "pipeline=nope, no such folder"
    })
    void generateRefusesAWrongSetting(String setting, String line) {
        CommandRun.of("generate", "pipeline=" + pipeline, "out=" + out, "prompt=x", setting)
                .assertOneLine(1, line);
    }

    @Test
    void generateNeedsOneKindOfPrompt() {
        CommandRun.of("generate", "pipeline=" + pipeline, "out=" + out)
                .assertOneLine(1, "give either prompt", "or prompts=FILE.csv");
    }

    @Test
    void aPromptIsTakenAsItStands() {
        CommandRun run = CommandRun.of(
                "generate",
                "pipeline=" + pipeline,
                "out=" + out,
                "num_inference_steps=1",
                "prompt=[#1] red: a {circle");

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(out.resolve("0.png")).isNotEmptyFile();
    }

    @Test
    void filesThatCannotBeReadOrWrittenAreNamed() {
        CommandRun.of("export", "pipeline=" + pipeline, "component=tokenizer", "out=" + out)
                .assertOneLine(1, "component=tokenizer", "choose unet, vae or text_encoder");
        CommandRun.of("export", "pipeline=" + pipeline, "component=unet", "out=" + CommandRun.TINY + "/x.pt")
                .assertOneLine(1, "x.pt cannot be written");
        CommandRun.of("tokenize", "pipeline=" + pipeline, "text=nope.txt", "out=" + out)
                .assertOneLine(1, "text=nope.txt cannot be read (no such file");
        CommandRun.of("verify", "run=nope").assertOneLine(1, "run=nope", "no checkpoint in it");
        CommandRun.of("init", "config=" + CommandRun.TINY, "out=" + pipeline, "experiment.log_dir=" + shared + "/run")
                .assertOneLine(1, pipeline.toString(), "choose a new folder");
        assertThat(out).doesNotExist();
    }

    @Test
    void wrongSourcesOfShardsAreNamed() {
        String shards = "out=" + out + "/{0..1}.tar";
        CommandRun.of("shards", "make", "source=web", shards).assertOneLine(1, "'web' is unknown", "choose shapes");
        CommandRun.of("shards", "make", "source=folder", shards).assertOneLine(1, "input is not set");
        CommandRun.of("shards", "make", "source=folder", "input=nope", shards)
                .assertOneLine(1, "input=nope: no such file or folder");
        CommandRun.of("shards", "make", "source=csv", "input=nope", shards).assertOneLine(1, "nope", "no such file");
        CommandRun.of("shards", "make", "source=shapes", "examples=x", shards)
                .assertOneLine(1, "examples", "is not a whole number");
        CommandRun.of("shards", "make", "source=shapes", "out=s-{0..1.tar").assertOneLine(1, "'{' is never closed");
    }

    private CommandRun train(String... settings) {
        return CommandRun.of(Stream.concat(Stream.of("train", "config=" + CommandRun.TINY), Stream.of(settings))
                .toArray(String[]::new));
    }

    private CommandRun generate() {
        return CommandRun.of("generate", "pipeline=" + copy, "out=" + out, "prompt=x", "num_inference_steps=1");
    }

    private void copyPipeline() throws IOException {
        List<Path> files;
        try (Stream<Path> walk = Files.walk(pipeline)) {
            files = walk.sorted(Comparator.naturalOrder()).toList();
        }
        for (Path file : files) {
            Files.copy(file, copy.resolve(pipeline.relativize(file)));
        }
    }

    private static String[] words(String command) {
        return Stream.of(command.split(" ")).filter(word -> !word.isEmpty()).toArray(String[]::new);
    }
}

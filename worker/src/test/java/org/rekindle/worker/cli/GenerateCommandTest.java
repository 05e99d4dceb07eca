package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.worker.pipeline.TinyPipeline;

/** {@code generate} as a user types it. */
class GenerateCommandTest {

    @TempDir
    static Path shared;

    private static Path pipeline;

    @TempDir
    Path folder;

    @BeforeAll
    static void makePipeline() {
        pipeline = shared.resolve("pipeline");
        TinyPipeline.write(pipeline, 1);
    }

    @Test
    void finishedPicturesAreNotMadeAgain() throws IOException {
        Path prompts = prompts(5);
        Path out = folder.resolve("out");
        CommandRun first = generate(prompts, out, "batch_size=2");
        assertThat(first.code()).as(first.err()).isZero();
        assertThat(first.out()).contains("5/5 images").doesNotContain("already").endsWith("grid.png\n");
        FileTime old = FileTime.fromMillis(0);
        Files.setLastModifiedTime(out.resolve("p3.png"), old);
        Files.delete(out.resolve("p2.png"));

        CommandRun second = generate(prompts, out, "batch_size=2");
        assertThat(second.code()).as(second.err()).isZero();
        assertThat(second.out()).contains("4 of 5 images are there already", "1/1 images");
        assertThat(Files.getLastModifiedTime(out.resolve("p3.png"))).isEqualTo(old);
        assertThat(out.resolve("p2.png")).exists();

        CommandRun third = generate(prompts, out, "batch_size=2");
        assertThat(third.code()).as(third.err()).isZero();
        assertThat(third.out()).contains("5 of 5 images are there already").doesNotContain("images/s");
    }

    @Test
    void picturesOfOtherSettingsAreNotTakenForTheirs() throws IOException {
        Path prompts = prompts(2);
        Path out = folder.resolve("out");
        assertThat(generate(prompts, out, "seed=1").code()).isZero();

        CommandRun other = generate(prompts, out, "seed=2");

        assertThat(other.code()).isNotZero();
        assertThat(other.err())
                .contains("drawn with seed = 1, asked for is 2", "another out=")
                .hasLineCount(1);
        assertThat(generate(prompts(3), out, "seed=1").err()).contains("drawn with captions = ");
    }

    @Test
    void aSingleCaptionIsDrawnAnew() throws IOException {
        Path out = folder.resolve("out");
        String[] arguments = {"generate", "pipeline=" + pipeline, "out=" + out, "num_inference_steps=2"};
        CommandRun first = CommandRun.of(append(arguments, "prompt=a red circle"));
        assertThat(first.code()).as(first.err()).isZero();
        byte[] before = Files.readAllBytes(out.resolve("0.png"));

        CommandRun second = CommandRun.of(append(arguments, "prompt=a blue star", "seed=5"));

        assertThat(second.code()).as(second.err()).isZero();
        assertThat(second.out()).contains("1/1 images").doesNotContain("already");
        assertThat(Files.readAllBytes(out.resolve("0.png"))).isNotEqualTo(before);
    }

    private static String[] append(String[] arguments, String... more) {
        return Stream.of(arguments, more).flatMap(Stream::of).toArray(String[]::new);
    }

    @Test
    void shardsOfTwoWorkersAreThoseOfOne() throws Exception {
        Path prompts = prompts(5);
        Path alone = folder.resolve("alone-{0..2}.tar");
        CommandRun run = generate(prompts, alone, "threads=1");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).contains("5/5 images", "alone-0.tar", "alone-2.tar");

        List<RekindleProcess> workers = new ArrayList<>();
        for (int rank = 0; rank < 2; rank++) {
            workers.add(RekindleProcess.startAsWorker(
                    folder, rank, 2, arguments(prompts, folder.resolve("shared-{0..2}.tar"), "threads=1")));
        }
        for (RekindleProcess worker : workers) {
            worker.awaitSuccess();
        }
        assertThat(workers.get(1).output()).contains("worker 1 of 2 (RANK) draws 2 of 5 images");
        for (int shard = 0; shard < 3; shard++) {
            assertThat(folder.resolve("shared-" + shard + ".tar"))
                    .hasSameBinaryContentAs(folder.resolve("alone-" + shard + ".tar"));
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString())).noneMatch(name -> name.endsWith(".parts"));
        }
    }

    @Test
    void aShardOfOtherSettingsIsNotTakenForTheirs() throws IOException {
        Path prompts = prompts(2);
        Path out = folder.resolve("x-{0..1}.tar");
        assertThat(generate(prompts, out, "seed=1").code()).isZero();

        CommandRun other = generate(prompts, out, "seed=2");

        assertThat(other.code()).as(other.out()).isNotZero();
        assertThat(other.err())
                .contains("drawn with seed = 1, asked for is 2", "another out=")
                .hasLineCount(1);
    }

    @Test
    void aNegativePromptOfItsOwnGoesBeforeTheOneForAll() throws IOException {
        Path file = Files.writeString(
                folder.resolve("prompts.csv"),
                "uid,caption,negative_prompt\na,red circle,green square\nb,red circle,\n");
        CommandRun own = generate(file, folder.resolve("own"), "guidance_scale=500");
        CommandRun all = generate(file, folder.resolve("all"), "guidance_scale=500", "negative_prompt=green square");
        assertThat(own.code() + all.code()).as(own.err() + all.err()).isZero();
        assertThat(folder.resolve("own/a.png")).hasSameBinaryContentAs(folder.resolve("all/a.png"));
        assertThat(Files.mismatch(folder.resolve("own/b.png"), folder.resolve("all/b.png")))
                .isNotNegative();
    }

    @ParameterizedTest
    @CsvSource({
        "scheduler=heun, scheduler=heun is not supported; choose ddpm",
        "batch_size=0, batch_size=0 is less than 1",
        "batch_size=many, is not a whole number",
        "negative_prompt=x guidance_scale=1, negative_prompt has no effect with guidance_scale=1.0",
        "num_inference_steps=1001, expected 1 to 1000",
        "scheduler=dpmsolver++ num_inference_steps=1000, expected 1 to 999"
    })
    void aWrongSettingIsToldAndNothingIsWritten(String settings, String line) throws IOException {
        Path out = folder.resolve("out");
        generate(prompts(1), out, settings.split(" (?=\\w+=)")).assertOneLine(1, line);
        assertThat(out).doesNotExist();
    }

    @Test
    void aPlaceThatCannotBeWrittenIsTold() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "x");
        generate(prompts(1), file.resolve("out")).assertOneLine(1, "images cannot be written");
        generate(prompts(1), file.resolve("out.tar")).assertOneLine(1, "images cannot be written");
    }

    @Test
    void anUnknownKeyOfTheSchedulerIsTold() throws IOException {
        Path copy = folder.resolve("copy");
        TinyPipeline.write(copy, 1);
        Path config = copy.resolve("scheduler/scheduler_config.json");
        Files.writeString(config, Files.readString(config).replaceFirst("\\{", "{\n  \"beta_strat\": 0.1,"));
        CommandRun.of("generate", "pipeline=" + copy, "prompt=x", "out=" + folder.resolve("out"))
                .assertOneLine(1, "unknown key beta_strat");
    }

    /** What {@code DPMSolverMultistepScheduler.save_pretrained} writes is no strict JSON. */
    @Test
    void pythonsInfinityIsRead() throws IOException {
        Path copy = folder.resolve("copy");
        TinyPipeline.write(copy, 1);
        Path config = copy.resolve("scheduler/scheduler_config.json");
        Files.writeString(
                config, Files.readString(config).replaceFirst("\\{", "{\n  \"lambda_min_clipped\": -Infinity,"));
        CommandRun run = CommandRun.of(
                "generate",
                "pipeline=" + copy,
                "prompt=x",
                "out=" + folder.resolve("out"),
                "scheduler=dpmsolver++",
                "num_inference_steps=2");
        assertThat(run.code()).as(run.err()).isZero();
    }

    private static CommandRun generate(Path prompts, Path out, String... settings) {
        return CommandRun.of(arguments(prompts, out, settings));
    }

    private static String[] arguments(Path prompts, Path out, String... settings) {
        Stream<String> always = Stream.of(
                "generate", "pipeline=" + pipeline, "prompts=" + prompts, "out=" + out, "num_inference_steps=2");
        return Stream.concat(always, Arrays.stream(settings)).toArray(String[]::new);
    }

    private Path prompts(int count) throws IOException {
        StringBuilder csv = new StringBuilder("uid,caption\n");
        for (int i = 0; i < count; i++) {
            csv.append("p").append(i).append(",a red circle ").append(i).append('\n');
        }
        return Files.writeString(folder.resolve("prompts.csv"), csv);
    }
}

package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every recipe in {@code configs}, and every YAML of the original's README, passes the dry run once its {@code ???} are given. */
class RecipesTest {

    private static final Path CONFIGS = Path.of("..", "configs");
    private static final Path ORIGINAL = Path.of("..", "coordinator", "src", "test", "resources", "original");

    /** What an error line says to add. */
    private static final Pattern ARGUMENT = Pattern.compile("([\\w.]+)=\\S+");

    @TempDir
    Path folder;

    static Stream<Path> recipes() throws IOException {
        List<Path> recipes = new ArrayList<>();
        try (Stream<Path> files = Files.walk(CONFIGS)) {
            files.filter(file -> file.toString().endsWith(".yaml"))
                    .filter(file -> !file.endsWith("tls.yaml")) // a section, not a run
                    .filter(file -> !file.startsWith(CONFIGS.resolve("kubernetes"))) // manifests
                    .forEach(recipes::add);
        }
        recipes.add(ORIGINAL.resolve("from-scratch.yaml"));
        recipes.add(ORIGINAL.resolve("finetuning.yaml"));
        return recipes.stream();
    }

    @ParameterizedTest
    @MethodSource("recipes")
    void aRecipeIsWholeOnceWhatItLeavesOpenIsGiven(Path recipe) throws IOException {
        boolean open = Files.readAllLines(recipe).stream()
                .anyMatch(line -> line.replaceFirst("(?<!\\?)#.*", "").contains("???"));
        if (open) {
            dryRun(recipe, List.of()).assertOneLine(1, recipe.toString(), "???", "add to the command line");
        }

        CommandRun run = dryRun(recipe, given(recipe));

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).containsPattern("(?m)^lanes +\\d").containsPattern("(?m)^steps +\\d");
        assertThat(folder).isEmptyDirectory();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "template_config.yaml | 32 | 8 | 256 | 250,000 | 126",
                "templates/imagenet.yaml | 32 | 32 | 1,024 | 107,422 | 23",
                "templates/sd-v2-base-stage1.yaml | 64 | 32 | 2,048 | 976,563 | 197",
                "templates/sd-v2-base-stage2.yaml | 128 | 16 | 2,048 | 200,000 | 81",
                "laion/from-scratch.yaml | 64 | 32 | 2,048 | 200,000 | 101",
                "finetune.yaml | 8 | 4 | 32 | 10,000 | 11",
            })
    void theArithmeticOfTheCommentsIsThatOfTheRun(
            String recipe, int lanes, int batch, String global, String steps, String checkpoints) throws IOException {
        Path file = CONFIGS.resolve(recipe);
        String comments = Files.readString(file);

        assertThat(dryRun(file, given(file)).out())
                .containsPattern("(?m)^lanes +%d, each of %d examples a step$".formatted(lanes, batch))
                .containsPattern("(?m)^examples per step +%s$".formatted(global))
                .containsPattern("(?m)^steps +%s, ".formatted(steps))
                .containsPattern("(?m)^checkpoints +%s[ ,]".formatted(checkpoints));
        assertThat(comments)
                .containsPattern("%d( lanes)? x %d = %s".formatted(lanes, batch, global))
                .contains(steps + " steps", checkpoints + (recipe.startsWith("template_") ? " with" : " checkpoints"));
    }

    @ParameterizedTest
    @CsvSource({
        "template_config.yaml, 1",
        "t5.yaml, 1",
        "templates/imagenet.yaml, 8",
        "templates/sd-v2-base-stage1.yaml, 8",
        "laion/from-scratch.yaml, 8"
    })
    void theHeapOfTheCommentsIsThatOfTheDryRun(String recipe, int workers) throws IOException {
        Path file = CONFIGS.resolve(recipe);
        List<String> settings = Stream.concat(Stream.of("--workers=" + workers), given(file).stream())
                .toList();
        String told = dryRun(file, settings).out();
        Matcher heap = Pattern.compile("REKINDLE_JAVA_OPTS=-Xmx\\d+g").matcher(told);
        Matcher images =
                Pattern.compile("images waiting +[\\d,]+: ([\\d,]+) of").matcher(told);

        assertThat(heap.find() && images.find()).as(told).isTrue();
        assertThat(Files.readString(file)).contains(heap.group(), images.group(1) + " images");
    }

    @Test
    void theStagesOfStableDiffusion2AreRunsOfTheirOwnAndTheSecondBeginsWhereTheFirstEnds() throws IOException {
        Path second = CONFIGS.resolve("templates/sd-v2-base-stage2.yaml");

        assertThat(dryRun(CONFIGS.resolve("templates/sd-v2-base-stage1.yaml"), given(second))
                        .err())
                .contains("model.vae.pretrained needs a value");
        assertThat(dryRun(second, given(second)).out())
                .contains("name: \"stage2-sdv2\"", "missing            " + folder + "/stage1-sdv2/current_pipeline");
    }

    @Test
    void theUNetOfTheOriginalsBenchmarkFitsItsTemplate() throws IOException {
        String template = Files.readString(ORIGINAL.resolve("from-scratch.yaml"));
        String unet = Files.readString(ORIGINAL.resolve("benchmark-unet.yaml")).indent(2);
        int from = template.indexOf("  unet:");
        int to = template.indexOf("  use_ema:");
        Path elsewhere = Files.createTempDirectory("recipes");
        Path merged = Files.writeString(
                elsewhere.resolve("merged.yaml"), template.substring(0, from) + unet + template.substring(to));

        CommandRun run = dryRun(merged, given(merged));

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out())
                .contains("target: \"diffusers.UNet2DConditionModel\"")
                .containsPattern("(?m)^UNet +859,520,964 parameters, trained$");
    }

    /** Values for all keys that the recipe leaves open, as its error line names them, and shards for one that makes none. */
    private List<String> given(Path recipe) throws IOException {
        String line = dryRun(recipe, List.of()).err();
        Stream<String> keys = ARGUMENT.matcher(line.substring(Math.max(0, line.indexOf("command line"))))
                .results()
                .map(match -> match.group(1));
        boolean makes = Files.readString(recipe).contains("\n  make:");
        return Stream.concat(keys, makes ? Stream.of() : Stream.of("dataset.params.path"))
                .distinct()
                .map(key -> key + "=" + value(key))
                .toList();
    }

    private String value(String key) {
        return switch (key) {
            case "experiment.log_dir" -> folder.toString();
            case "experiment.num_examples_to_see" -> "64000000";
            case "dataset.params.path" -> "s3://bucket/{00000..23999}.tar";
            case "dataset.make.input" -> CONFIGS.resolve("README.md").toString(); // of a package, which is not opened
            case "dataset.params.class_mapping" -> "{0: a tench, 1: a goldfish}";
            default -> key.endsWith(".pretrained") ? "CompVis/stable-diffusion-v1-4" : "mine";
        };
    }

    private CommandRun dryRun(Path recipe, List<String> settings) {
        return CommandRun.of(Stream.concat(Stream.of("train", "--dry-run", "config=" + recipe), settings.stream())
                .toArray(String[]::new));
    }
}

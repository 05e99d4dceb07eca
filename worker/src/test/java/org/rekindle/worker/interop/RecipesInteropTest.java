package org.rekindle.worker.interop;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rekindle.worker.cli.RekindleProcess;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.SafetensorsWriter;

/** {@code StableDiffusionPipeline.from_pretrained} opens the pipeline of every recipe that makes its own data, and draws with it. */
@Tag("interop")
class RecipesInteropTest {

    private static final Path RECIPES = Path.of("..", "configs");

    @TempDir
    Path folder;

    static List<Path> recipes() throws IOException {
        try (Stream<Path> files = Files.walk(RECIPES)) {
            return files.filter(file -> file.toString().endsWith(".yaml"))
                    .filter(RecipesInteropTest::makesItsData)
                    .sorted()
                    .toList();
        }
    }

    /** By its text: what others need cannot be known here, and not all that lies there is a recipe. */
    private static boolean makesItsData(Path file) {
        try {
            return Files.readString(file).contains("\n  make:\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @MethodSource("recipes")
    void diffusersOpensItsPipelineAndDraws(Path recipe) throws Exception {
        Path pipeline = folder.resolve("pipeline");
        RekindleProcess.start(
                        folder,
                        "init",
                        "config=" + recipe.toAbsolutePath().normalize(),
                        "experiment.log_dir=" + folder,
                        "dataset.params.path=" + shards(),
                        "out=" + pipeline)
                .awaitSuccess();
        Path prompts = Files.writeString(folder.resolve("prompts.csv"), "uid,caption\none,a red circle\n");
        Path images = folder.resolve("images");
        Python.run(
                folder,
                "generate_images.py",
                pipeline,
                prompts,
                latents(pipeline),
                images,
                "--scheduler",
                "ddim",
                "--steps",
                2);
        assertThat(images.resolve("one.png")).isNotEmptyFile();
    }

    /** A few pictures with captions for the vocabulary, instead of the recipe's, which may have to be fetched. */
    private Path shards() throws Exception {
        Path shards = folder.resolve("shapes-{000..001}.tar");
        RekindleProcess.start(folder, "shards", "make", "source=shapes", "examples=64", "seed=0", "out=" + shards)
                .awaitSuccess();
        return shards;
    }

    private Path latents(Path folder) throws IOException {
        PipelineDirectory pipeline = PipelineDirectory.open(folder);
        JsonNode unet = pipeline.config(Component.UNET);
        int channels = unet.get("in_channels").asInt();
        int side = unet.get("sample_size").asInt();
        float[] noise = new float[channels * side * side];
        Random random = new Random(5);
        for (int i = 0; i < noise.length; i++) {
            noise[i] = (float) random.nextGaussian();
        }
        Path file = folder.resolveSibling("latents.safetensors");
        new SafetensorsWriter()
                .add("one", new long[] {channels, side, side}, noise)
                .write(file);
        return file;
    }
}

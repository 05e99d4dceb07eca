package org.rekindle.worker.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.data.UserException;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.SafetensorsFile;
import org.rekindle.worker.pipeline.SafetensorsWriter;
import org.rekindle.worker.pipeline.TinyPipeline;
import org.rekindle.worker.torchscript.ComputeType;

class TextToImageTest {

    private static final TextToImage.Settings FEW_STEPS = new TextToImage.Settings("ddim", 3, 4);

    @TempDir
    static Path folder;

    private static TextToImage textToImage;

    @TempDir
    Path out;

    @BeforeAll
    static void open() {
        PipelineDirectory pipeline = TinyPipeline.write(folder.resolve("p"), 1);
        textToImage = TextToImage.open(pipeline, ComputeType.FP32);
    }

    @AfterAll
    static void close() {
        textToImage.close();
    }

    @Test
    void anImageDependsOnItsSeedAndUidButNotOnItsBatch() throws InterruptedException {
        TextToImage.Prompt first = prompt("a red circle", 1, "a");
        TextToImage.Prompt second = prompt("a blue square", 1, "b");
        List<BufferedImage> together = textToImage.generate(List.of(first, second), FEW_STEPS);
        BufferedImage alone = textToImage.generate(List.of(second), FEW_STEPS).get(0);
        assertThat(difference(together.get(1), alone)).isLessThan(0.01);
        assertThat(together.get(0).getWidth()).isEqualTo(32);
        assertThat(difference(together.get(0), together.get(1))).isGreaterThan(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ddpm", "euler_a"})
    void freshNoiseToo(String scheduler) throws InterruptedException {
        TextToImage.Settings settings = new TextToImage.Settings(scheduler, 3, 4);
        TextToImage.Prompt first = prompt("a red circle", 1, "a");
        TextToImage.Prompt second = prompt("a red circle", 1, "b");
        BufferedImage together =
                textToImage.generate(List.of(first, second), settings).get(1);
        BufferedImage alone = textToImage.generate(List.of(second), settings).get(0);
        assertThat(difference(together, alone)).isLessThan(0.01);
        TextToImage.Prompt otherNoise =
                new TextToImage.Prompt(second.caption(), "", second.latents(), new ImageNoise(2, "b"));
        assertThat(difference(
                        alone,
                        textToImage.generate(List.of(otherNoise), settings).get(0)))
                .isGreaterThan(1);
    }

    @Test
    void guidanceLeadsAwayFromTheNegativePrompt() throws InterruptedException {
        TextToImage.Settings settings = new TextToImage.Settings("ddim", 3, 1000);
        List<BufferedImage> images = textToImage.generate(
                List.of(
                        prompt("a red circle", "", 1, "a"),
                        prompt("a red circle", "green square green", 1, "a"),
                        prompt("a red circle", "a red circle", 1, "a")),
                settings);
        assertThat(difference(images.get(0), images.get(1))).isGreaterThan(0.01);
        BufferedImage unguided = textToImage
                .generate(List.of(prompt("a red circle", 1, "a")), new TextToImage.Settings("ddim", 3, 1))
                .get(0);
        assertThat(difference(images.get(2), unguided))
                .as("nothing to lead away from")
                .isLessThan(0.01);
    }

    @Test
    void theCaptionChangesTheImageAndMoreSoWithGuidance() throws InterruptedException {
        // Random weights hardly listen to the caption, so the scale is far beyond the usual 7.5.
        assertThat(captionEffect(1000)).isGreaterThan(0.01).isGreaterThan(captionEffect(1));
    }

    @Test
    void guidanceGoesPastTheCaptionsPrediction() {
        assertThat(TextToImage.guide(new float[] {1, 2, 3, 6}, 2)).containsExactly(5, 10);
        assertThat(TextToImage.guide(new float[] {1, 2, 3, 6}, 1)).containsExactly(3, 6);
    }

    @Test
    void bf16DrawsNearlyTheSame() throws InterruptedException {
        List<TextToImage.Prompt> prompts = List.of(prompt("a red circle", 1, "a"));
        try (TextToImage bf16 = TextToImage.open(PipelineDirectory.open(folder.resolve("p")), ComputeType.BF16)) {
            BufferedImage image = bf16.generate(prompts, FEW_STEPS).get(0);
            assertThat(difference(
                            image, textToImage.generate(prompts, FEW_STEPS).get(0)))
                    .isBetween(0.0001, 4.0);
        }
    }

    @Test
    void anInterruptEndsTheGeneration() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> textToImage.generate(List.of(prompt("x", 0, "x")), FEW_STEPS))
                .isInstanceOf(InterruptedException.class);
        assertThat(Thread.currentThread().isInterrupted()).isFalse();
    }

    @Test
    void everyPromptBecomesAFileAndAllAGrid() throws IOException, InterruptedException {
        List<PromptList.Entry> prompts = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            prompts.add(new PromptList.Entry("p" + i, "a red circle"));
        }
        List<Integer> done = new ArrayList<>();
        generation(3, 6).write(prompts, null, out, done::add);
        assertThat(done).containsExactly(6, 9);
        BufferedImage overview =
                ImageIO.read(new PictureFolder(out, prompts, true).finish().toFile());
        assertThat(overview.getWidth()).isEqualTo(8 * 32);
        assertThat(overview.getHeight()).isEqualTo(2 * 32);
        BufferedImage ninth = ImageIO.read(out.resolve("p8.png").toFile());
        assertThat(difference(overview.getSubimage(0, 32, 32, 32), ninth)).isZero();
        try (var files = Files.list(out)) {
            assertThat(files).hasSize(10);
        }
    }

    @Test
    void givenLatentsTakeThePlaceOfTheSeed() throws IOException, InterruptedException {
        Path file = out.resolve("latents.safetensors");
        float[] noise = new ImageNoise(3, "x").latents(textToImage.latentLength());
        new SafetensorsWriter()
                .add("x", new long[] {1, 4, 16, 16}, noise)
                .add("y", new long[] {4, 16, 15}, new float[960])
                .write(file);
        List<PromptList.Entry> prompts = List.of(new PromptList.Entry("x", "a red circle"));
        try (SafetensorsFile latents = SafetensorsFile.open(file)) {
            generation(99, 8).write(prompts, latents, out.resolve("given"), n -> {});
            generation(3, 8).write(prompts, null, out.resolve("drawn"), n -> {});
            assertThat(out.resolve("given/x.png")).hasSameBinaryContentAs(out.resolve("drawn/x.png"));
            assertRefused(
                    "y", latents, "tensor y has dtype F32 and shape [4, 16, 15], expected floats of shape [4, 16, 16]");
            assertRefused("z", latents, "has no tensor z");
        }
    }

    private void assertRefused(String uid, SafetensorsFile latents, String message) {
        assertThatThrownBy(() -> generation(0, 8).write(List.of(new PromptList.Entry(uid, "")), latents, out, n -> {}))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(message);
    }

    @Test
    void aFolderThatCannotBeMadeIsTold() throws IOException {
        Path file = Files.writeString(out.resolve("file"), "x");
        assertThatThrownBy(() -> generation(0, 8)
                        .write(List.of(new PromptList.Entry("x", "")), null, file.resolve("inner"), n -> {}))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("images cannot be written");
    }

    @Test
    void anImageIsClippedAndRounded() {
        float[] planes = {-1, -2, 0.0039f, 1, 2, 0, Float.NaN, -0.5f, 1, 0.5f, -1, 1};
        BufferedImage image = RgbImages.of(planes, 0, 2, 2);
        assertThat(image.getRGB(0, 0) & 0xFFFFFF).isEqualTo(0x00FFFF);
        assertThat(image.getRGB(1, 0) & 0xFFFFFF).isEqualTo(0x0080BF);
        assertThat(image.getRGB(0, 1) & 0xFFFFFF).isEqualTo(0x800000);
        assertThat(image.getRGB(1, 1) & 0xFFFFFF).isEqualTo(0xFF40FF);
    }

    @Test
    void fewImagesMakeANarrowGrid() {
        BufferedImage one = new BufferedImage(4, 4, BufferedImage.TYPE_INT_RGB);
        assertThat(RgbImages.grid(List.of(one, one, one)).getWidth()).isEqualTo(12);
        BufferedImage many = RgbImages.grid(java.util.Collections.nCopies(100, one));
        assertThat(many.getWidth()).isEqualTo(32);
        assertThat(many.getHeight()).isEqualTo(32);
    }

    private double captionEffect(double guidanceScale) throws InterruptedException {
        TextToImage.Settings settings = new TextToImage.Settings("pndm", 3, guidanceScale);
        List<BufferedImage> images = textToImage.generate(
                List.of(prompt("a red circle", 1, "a"), prompt("green square green", 1, "a")), settings);
        return difference(images.get(0), images.get(1));
    }

    private static TextToImage.Prompt prompt(String caption, long seed, String uid) {
        return prompt(caption, "", seed, uid);
    }

    private static TextToImage.Prompt prompt(String caption, String negativePrompt, long seed, String uid) {
        ImageNoise noise = new ImageNoise(seed, uid);
        return new TextToImage.Prompt(caption, negativePrompt, noise.latents(textToImage.latentLength()), noise);
    }

    private static Generation generation(long seed, int batchSize) {
        return new Generation(textToImage, FEW_STEPS, seed, batchSize);
    }

    /** Mean absolute difference in levels of 255. */
    private static double difference(BufferedImage a, BufferedImage b) {
        assertThat(a.getWidth()).isCloseTo(b.getWidth(), within(0));
        double sum = 0;
        for (int y = 0; y < a.getHeight(); y++) {
            for (int x = 0; x < a.getWidth(); x++) {
                for (int shift = 0; shift <= 16; shift += 8) {
                    sum += Math.abs((a.getRGB(x, y) >> shift & 0xFF) - (b.getRGB(x, y) >> shift & 0xFF));
                }
            }
        }
        return sum / (3.0 * a.getWidth() * a.getHeight());
    }
}

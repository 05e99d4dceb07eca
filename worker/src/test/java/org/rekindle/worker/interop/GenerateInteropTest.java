package org.rekindle.worker.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.worker.cli.RekindleProcess;
import org.rekindle.worker.diffusion.ImageNoise;
import org.rekindle.worker.pipeline.SafetensorsWriter;

/** Rekindle and {@code StableDiffusionPipeline} draw the same images from the same folder, captions and latents. */
@Tag("interop")
class GenerateInteropTest {

    /** In steps of the 8-bit scale, 0 to 255. */
    private static final double MEAN_DIFFERENCE = 0.1;

    private static final int STEPS = 10;
    private static final long SEED = 3;
    private static final List<String> UIDS = List.of("first", "second", "third");

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"ddim", "pndm"})
    void diffusersOpensATrainedPipelineAndDrawsTheSameImages(String scheduler) throws Exception {
        assertSameImages(TrainedPipeline.folder(), scheduler, 4, 8, 8);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ddpm", "ddim", "pndm", "euler", "euler_a", "dpmsolver++"})
    void rekindleOpensAPipelineThatDiffusersSavedAndDrawsTheSameImages(String scheduler) throws Exception {
        assertSameImages(
                saved("PNDMScheduler", "{\"skip_prk_steps\": true, \"steps_offset\": 1}"), scheduler, 4, 16, 16);
    }

    /** Without scheduler= the class and every key that diffusers wrote count. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "DDPMScheduler | {}",
                "DDPMScheduler | {\"variance_type\": \"fixed_large\", \"prediction_type\": \"v_prediction\"}",
                "DDIMScheduler | {\"rescale_betas_zero_snr\": true, \"prediction_type\": \"v_prediction\","
                        + " \"timestep_spacing\": \"trailing\"}",
                "PNDMScheduler | {\"skip_prk_steps\": true, \"prediction_type\": \"v_prediction\"}",
                "EulerDiscreteScheduler | {}",
                "EulerDiscreteScheduler | {\"use_karras_sigmas\": true, \"timestep_spacing\": \"leading\"}",
                "EulerDiscreteScheduler | {\"rescale_betas_zero_snr\": true, \"prediction_type\": \"v_prediction\","
                        + " \"timestep_spacing\": \"trailing\"}",
                "EulerAncestralDiscreteScheduler | {}",
                "DPMSolverMultistepScheduler | {}",
                "DPMSolverMultistepScheduler | {\"use_karras_sigmas\": true, \"solver_type\": \"heun\"}"
            })
    void thePipelinesOwnSchedulerDrawsTheSameImages(String className, String config) throws Exception {
        assertSameImages(saved(className, config), null, 4, 16, 16);
    }

    /** The scheduler of a pipeline that Rekindle turned to zero terminal SNR: its class and spacing changed with it. */
    @Test
    void aPipelineFineTunedToZeroTerminalSnrDrawsTheSameImages() throws Exception {
        Path source = saved("PNDMScheduler", "{\"skip_prk_steps\": true, \"steps_offset\": 1}");
        Path tuned = TrainedPipeline.of(
                folder,
                "finetuning-tiny",
                "model.pretrained=" + source,
                "model.noise_scheduler_training.params={rescale_betas_zero_snr: true, prediction_type: v_prediction}",
                "objective.params={snr_gamma: 5, noise_offset: 0.1, input_perturbation: 0.1}");
        assertSameImages(tuned, null, 4, 16, 16);
    }

    private Path saved(String schedulerClass, String schedulerConfig) throws Exception {
        Path pipeline = folder.resolve("saved");
        Path tokenizer = Path.of("src/test/resources/clip-tokenizer").toAbsolutePath();
        Python.run(folder, "make_pipeline.py", tokenizer, pipeline, schedulerClass, schedulerConfig);
        return pipeline;
    }

    @Test
    void rekindleOpensAPipelineWithT5ThatDiffusersSavedAndDrawsTheSameImages() throws Exception {
        Path pipeline = folder.resolve("saved");
        Path tokenizer = Path.of("src/test/resources/t5-tokenizer").toAbsolutePath();
        Python.run(folder, "make_t5_pipeline.py", tokenizer, pipeline);
        assertSameImages(pipeline, "ddim", 4, 16, 16);
    }

    @Test
    void diffusersOpensATrainedPipelineWithT5AndDrawsTheSameImages() throws Exception {
        assertSameImages(TrainedPipeline.of(folder, "tiny-t5"), "ddim", 4, 8, 8);
    }

    private void assertSameImages(Path pipeline, String scheduler, long... latentShape) throws Exception {
        Path prompts = Files.writeString(folder.resolve("prompts.csv"), """
                uid,caption,negative_prompt
                first,a red circle,
                second,"a green square on the left, a blue star",grey
                third,,
                """);
        Path latents = latents(latentShape);
        Path noise = stepNoise(latentShape);
        Path rekindle = folder.resolve("rekindle");
        Path diffusers = folder.resolve("diffusers");
        List<String> named = scheduler == null ? List.of() : List.of("scheduler=" + scheduler);
        List<String> arguments = new ArrayList<>(List.of(
                "generate",
                "pipeline=" + pipeline,
                "prompts=" + prompts,
                "latents=" + latents,
                "num_inference_steps=" + STEPS,
                "guidance_scale=5",
                "seed=" + SEED,
                "out=" + rekindle));
        arguments.addAll(named);
        RekindleProcess.start(folder, arguments.toArray(String[]::new)).awaitSuccess();
        List<Object> script =
                new ArrayList<>(List.of(pipeline, prompts, latents, diffusers, "--noise", noise, "--steps", STEPS));
        if (scheduler != null) {
            script.addAll(List.of("--scheduler", scheduler));
        }
        Python.run(folder, "generate_images.py", script.toArray());

        // Equal images prove nothing if every image is the same.
        assertThat(meanDifference(read(rekindle, "first"), read(rekindle, "second")))
                .isGreaterThan(10 * MEAN_DIFFERENCE);
        for (String uid : UIDS) {
            double difference = meanDifference(read(rekindle, uid), read(diffusers, uid));
            System.out.printf("interop: image %s, %s: mean difference %.5f of 255%n", uid, scheduler, difference);
            assertThat(difference).as("image " + uid).isLessThan(MEAN_DIFFERENCE);
        }
    }

    /** What Rekindle's stochastic schedulers draw, for diffusers to add the same. */
    private Path stepNoise(long[] shape) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        int length = (int) (shape[0] * shape[1] * shape[2]);
        for (String uid : UIDS) {
            for (int step = 0; step < STEPS; step++) {
                writer.add(uid + "." + step, shape, new ImageNoise(SEED, uid).step(step, length));
            }
        }
        Path file = folder.resolve("noise.safetensors");
        writer.write(file);
        return file;
    }

    private Path latents(long[] shape) throws IOException {
        Random random = new Random(5);
        SafetensorsWriter writer = new SafetensorsWriter();
        for (String uid : UIDS) {
            float[] noise = new float[(int) (shape[0] * shape[1] * shape[2])];
            for (int i = 0; i < noise.length; i++) {
                noise[i] = (float) random.nextGaussian();
            }
            writer.add(uid, shape, noise);
        }
        Path file = folder.resolve("latents.safetensors");
        writer.write(file);
        return file;
    }

    private static BufferedImage read(Path images, String uid) throws IOException {
        return ImageIO.read(images.resolve(uid + ".png").toFile());
    }

    private static double meanDifference(BufferedImage a, BufferedImage b) {
        assertThat(List.of(a.getWidth(), a.getHeight())).isEqualTo(List.of(b.getWidth(), b.getHeight()));
        long sum = 0;
        for (int y = 0; y < a.getHeight(); y++) {
            for (int x = 0; x < a.getWidth(); x++) {
                for (int shift = 0; shift <= 16; shift += 8) {
                    sum += Math.abs((a.getRGB(x, y) >> shift & 255) - (b.getRGB(x, y) >> shift & 255));
                }
            }
        }
        return sum / (3.0 * a.getWidth() * a.getHeight());
    }
}

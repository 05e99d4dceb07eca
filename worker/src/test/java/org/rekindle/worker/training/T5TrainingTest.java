package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.config.GradientCheckpointing;
import org.rekindle.worker.diffusion.ImageNoise;
import org.rekindle.worker.diffusion.TextToImage;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.PipelineInit;
import org.rekindle.worker.pipeline.TinyPipeline;
import org.rekindle.worker.torchscript.ComputeType;

/** A UNet learns over a frozen T5 encoder, and the pipeline that comes out draws. */
class T5TrainingTest {

    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    @TempDir
    private Path folder;

    @Test
    void theUnetLearnsAndTheEncoderStaysAsItIs() throws IOException, InterruptedException {
        TinyRun run = TinyRun.denoising(folder);
        Path start = folder.resolve("start");
        PipelineDirectory source =
                PipelineInit.init(TinyPipeline.t5Model(), TinyPipeline.dataset(), 1, start.resolve("pipeline"));
        Checkpoint fresh = new Checkpoint(start, new TrainerState(0, 0, 1, Map.of(), 5, "", null));
        Checkpoint trained;
        try (ModelSession session =
                ModelSession.open(run.config("bf16", GradientCheckpointing.FALSE), fresh, line -> {})) {
            assertThat(session.computeGradients(1, List.of(TinyRun.batch(1, 0)), 1)
                            .finite())
                    .isTrue();
            session.apply(1);
            trained = run.write(session.snapshot(), 1);
        }
        for (String file : List.of("model_index.json", "text_encoder/config.json", "text_encoder/model.safetensors")) {
            assertThat(trained.pipeline().resolve(file))
                    .hasSameBinaryContentAs(source.root().resolve(file));
        }
        byte[] unet = Files.readAllBytes(trained.pipeline().resolve(UNET));
        assertThat(unet).isNotEqualTo(Files.readAllBytes(source.root().resolve(UNET)));
        try (TextToImage textToImage = TextToImage.open(PipelineDirectory.open(trained.pipeline()), ComputeType.FP32)) {
            var settings = new TextToImage.Settings("ddim", 2, 1000);
            ImageNoise noise = new ImageNoise(1, "a");
            float[] latents = noise.latents(textToImage.latentLength());
            var images = textToImage.generate(
                    List.of(
                            new TextToImage.Prompt("a red circle", "", latents, noise),
                            new TextToImage.Prompt("fine...", "", latents, noise)),
                    settings);
            assertThat(images.get(0).getRaster().getPixels(0, 0, 32, 32, (int[]) null))
                    .isNotEqualTo(images.get(1).getRaster().getPixels(0, 0, 32, 32, (int[]) null));
        }
    }
}

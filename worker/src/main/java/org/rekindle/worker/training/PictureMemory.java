package org.rekindle.worker.training;

import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.worker.diffusion.Generation;
import org.rekindle.worker.diffusion.TextToImage;
import org.rekindle.worker.models.AutoencoderKL;
import org.rekindle.worker.models.Hardware;
import org.rekindle.worker.models.Work;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDraft;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptModule;

/** Bytes on a device that draws the pictures of a checkpoint: its models once more, as fp32, and what the largest of their calls has at hand. */
final class PictureMemory {

    private PictureMemory() {}

    /**
     * Of pictures of captions: {@link Generation#BATCH_SIZE} at a time in the UNet, which guidance doubles, one after the other in the
     * decoder.
     *
     * @param unet of a forward pass, for one example
     */
    static long ofCaptions(RunConfig config, PipelineDraft draft, Work unet, Hardware hardware) {
        int images = Math.min(config.experiment().numEvalImages(), Generation.BATCH_SIZE);
        if (images == 0) {
            return 0;
        }
        boolean guided = TextToImage.isGuided(config.experiment().evalGuidanceScale());
        long drawing = atHand(guided ? 2 * images : images, unet);
        long decoding = draft.modules().get(Component.VAE) instanceof AutoencoderKL vae
                ? atHand(1, vae.decodeWork(StepForecast.image(config, hardware)))
                : 0;
        long parameters = draft.modules().values().stream()
                .mapToLong(ScriptModule::parameterCount)
                .sum();
        return Float.BYTES * parameters + Math.max(drawing, decoding);
    }

    /**
     * Of images beside their reconstructions, one after the other.
     *
     * @param work of a forward pass, for one example
     */
    static long ofReconstructions(RunConfig config, AutoencoderKL vae, Work work) {
        return config.experiment().numEvalImages() == 0 ? 0 : Float.BYTES * vae.parameterCount() + atHand(1, work);
    }

    private static long atHand(int batch, Work work) {
        return new ActivationMemory(batch, ComputeType.FP32).forward(work);
    }
}

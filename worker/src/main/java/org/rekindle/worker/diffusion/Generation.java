package org.rekindle.worker.diffusion;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import org.rekindle.data.UserException;
import org.rekindle.worker.pipeline.SafetensorsFile;

/** Draws captions into a folder, {@code UID.png} for each, batch after batch. */
public final class Generation {

    /** Images of a call of the UNet where nothing else is said; guidance doubles them. */
    public static final int BATCH_SIZE = 8;

    private final TextToImage textToImage;
    private final TextToImage.Settings settings;
    private final long seed;
    private final int batchSize;

    /**
     * @param seed of the noise; with the uid it decides an image
     * @param batchSize how many images are drawn at once
     */
    public Generation(TextToImage textToImage, TextToImage.Settings settings, long seed, int batchSize) {
        this.textToImage = textToImage;
        this.settings = settings;
        this.seed = seed;
        this.batchSize = batchSize;
    }

    /**
     * Draws captions. Files that are there are replaced, each at once.
     *
     * @param latents noise to begin with, one tensor per uid; null to draw it from the seed
     * @param progress told how many images are done after each batch
     * @throws UserException when settings or latents do not fit the pipeline or the folder cannot be written
     */
    public void write(List<PromptList.Entry> prompts, SafetensorsFile latents, Path folder, IntConsumer progress)
            throws InterruptedException {
        check(prompts, latents);
        if (prompts.isEmpty()) {
            return;
        }
        try {
            Files.createDirectories(folder);
            for (int from = 0; from < prompts.size(); from += batchSize) {
                List<PromptList.Entry> batch = prompts.subList(from, Math.min(from + batchSize, prompts.size()));
                List<BufferedImage> images = textToImage.generate(noisy(batch, latents), settings);
                for (int i = 0; i < batch.size(); i++) {
                    RgbImages.writePng(images.get(i), Pictures.file(folder, batch.get(i)));
                }
                progress.accept(from + batch.size());
            }
        } catch (IOException e) {
            throw Pictures.unwritable(folder, e);
        }
    }

    /** @throws UserException when settings or latents do not fit the pipeline */
    public void check(List<PromptList.Entry> prompts, SafetensorsFile latents) {
        textToImage.check(settings);
        if (latents != null) {
            prompts.forEach(prompt -> check(prompt.uid(), latents));
        }
    }

    private List<TextToImage.Prompt> noisy(List<PromptList.Entry> prompts, SafetensorsFile latents) {
        return prompts.stream()
                .map(prompt -> {
                    ImageNoise noise = new ImageNoise(seed, prompt.uid());
                    float[] beginning = latents == null
                            ? noise.latents(textToImage.latentLength())
                            : latents.tensor(prompt.uid()).floats();
                    return new TextToImage.Prompt(prompt.caption(), prompt.negativePrompt(), beginning, noise);
                })
                .toList();
    }

    private void check(String uid, SafetensorsFile latents) {
        if (!latents.names().contains(uid)) {
            throw new UserException(latents.path() + ": has no tensor " + uid + "; expected one for each uid");
        }
        long[] shape = latents.shape(uid);
        long[] expected = textToImage.latentShape();
        boolean batchOfOne = shape.length == 4 && shape[0] == 1;
        if (!Arrays.equals(batchOfOne ? Arrays.copyOfRange(shape, 1, 4) : shape, expected)
                || !latents.dtype(uid).isFloat()) {
            throw new UserException(
                    latents.path() + ": tensor " + uid + " has dtype " + latents.dtype(uid) + " and shape "
                            + Arrays.toString(shape) + ", expected floats of shape " + Arrays.toString(expected));
        }
    }
}

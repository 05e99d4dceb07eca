package org.rekindle.worker.diffusion;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import org.rekindle.data.UserException;
import org.rekindle.worker.pipeline.SafetensorsFile;

/** Draws a list of captions into a folder: {@code UID.png} for each, and {@code grid.png}. */
public final class Generation {

    private static final int BATCH = 8;

    private final TextToImage textToImage;
    private final TextToImage.Settings settings;
    private final long seed;

    /** @param seed of the noise; with the uid it decides an image */
    public Generation(TextToImage textToImage, TextToImage.Settings settings, long seed) {
        this.textToImage = textToImage;
        this.settings = settings;
        this.seed = seed;
    }

    /**
     * Draws all captions. Files that are there are replaced, each at once.
     *
     * @param latents noise to begin with, one tensor per uid; null to draw it from the seed
     * @param out folder, made where it is missing
     * @param progress told how many images are done after each batch
     * @return the path of the grid
     * @throws UserException when latents do not fit or the folder cannot be written
     */
    public Path write(List<PromptList.Entry> prompts, SafetensorsFile latents, Path out, IntConsumer progress)
            throws InterruptedException {
        if (latents != null) {
            prompts.forEach(prompt -> check(prompt.uid(), latents));
        }
        List<BufferedImage> first = new ArrayList<>();
        try {
            Files.createDirectories(out);
            for (int from = 0; from < prompts.size(); from += BATCH) {
                int to = Math.min(from + BATCH, prompts.size());
                List<BufferedImage> images = textToImage.generate(noisy(prompts.subList(from, to), latents), settings);
                for (int i = from; i < to; i++) {
                    RgbImages.writePng(
                            images.get(i - from), out.resolve(prompts.get(i).uid() + ".png"));
                }
                if (first.size() < RgbImages.GRID_IMAGES) {
                    first.addAll(images);
                }
                progress.accept(to);
            }
            Path grid = out.resolve("grid.png");
            RgbImages.writePng(RgbImages.grid(first), grid);
            return grid;
        } catch (IOException e) {
            throw new UserException(
                    out + ": images cannot be written (" + UserException.reason(e)
                            + "); check disk space and permissions",
                    e);
        }
    }

    private List<TextToImage.Prompt> noisy(List<PromptList.Entry> prompts, SafetensorsFile latents) {
        return prompts.stream()
                .map(prompt -> new TextToImage.Prompt(
                        prompt.caption(),
                        latents == null
                                ? textToImage.noise(seed, prompt.uid())
                                : latents.tensor(prompt.uid()).floats()))
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

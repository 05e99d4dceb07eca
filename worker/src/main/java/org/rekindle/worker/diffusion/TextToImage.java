package org.rekindle.worker.diffusion;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.rekindle.data.UserException;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.Tokenizer;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * Draws images from captions with a pipeline, as diffusers' {@code StableDiffusionPipeline} does.
 *
 * <p>Holds the weights until it is closed. One thread at a time may use it; interrupting that thread ends {@link #generate} at the next
 * step.
 */
public final class TextToImage implements AutoCloseable {

    private static final int DEFAULT_SAMPLE_SIZE = 64;

    private final NDManager manager;
    private final TorchModule textEncoder;
    private final TorchModule unet;
    private final TorchModule vae;
    private final Tokenizer tokenizer;
    private final ObjectNode schedulerConfig;
    private final double scalingFactor;
    private final long[] latentShape;

    /**
     * How to draw.
     *
     * @param scheduler a name that {@link Scheduler#of} knows; null for the pipeline's own
     * @param numInferenceSteps steps from noise to picture
     * @param guidanceScale weight of the caption in classifier-free guidance; at 1 and below the caption is simply followed
     */
    public record Settings(String scheduler, int numInferenceSteps, double guidanceScale) {
        public static final Settings DEFAULT = new Settings(null, 50, 7.5);
    }

    /**
     * One image to draw.
     *
     * @param caption what it shows
     * @param negativePrompt what guidance leads away from; often empty
     * @param latents the noise to begin with, of {@link #latentShape}
     * @param noise what stochastic schedulers add later
     */
    public record Prompt(String caption, String negativePrompt, float[] latents, ImageNoise noise) {}

    private TextToImage(PipelineDirectory pipeline, ComputeType type) {
        pipeline.require(
                Component.TOKENIZER, Component.TEXT_ENCODER, Component.VAE, Component.UNET, Component.SCHEDULER);
        manager = Torch.manager();
        try {
            tokenizer = pipeline.tokenizer();
            textEncoder = pipeline.load(manager, Component.TEXT_ENCODER, type);
            unet = pipeline.load(manager, Component.UNET, type);
            vae = pipeline.load(manager, Component.VAE, type);
            schedulerConfig = stableDiffusionScheduler(pipeline.config(Component.SCHEDULER));
            scalingFactor = pipeline.scalingFactor();
            latentShape = latentShape(pipeline.config(Component.UNET));
        } catch (RuntimeException e) {
            manager.close();
            throw e;
        }
    }

    /**
     * Loads a pipeline.
     *
     * @param type what the models compute in; weights stay fp32
     * @throws UserException when a component is missing, not supported, or does not fit its weights
     */
    public static TextToImage open(PipelineDirectory pipeline, ComputeType type) {
        return new TextToImage(pipeline, type);
    }

    /** Whether a guidance scale takes a second prediction, that of the negative prompt. */
    public static boolean isGuided(double guidanceScale) {
        return guidanceScale > 1;
    }

    /** Shape (channels, height, width) of the latents of one image. */
    public long[] latentShape() {
        return latentShape.clone();
    }

    /** How many numbers the latents of one image have. */
    public int latentLength() {
        return Math.toIntExact(latentShape[0] * latentShape[1] * latentShape[2]);
    }

    /**
     * Checks settings before anything is drawn.
     *
     * @throws UserException when the scheduler or the number of steps does not fit the pipeline
     */
    public void check(Settings settings) {
        scheduler(settings);
    }

    private Scheduler scheduler(Settings settings) {
        return Scheduler.of(schedulerConfig, settings.scheduler, settings.numInferenceSteps);
    }

    /**
     * Draws a batch of images.
     *
     * @return RGB images in the order of the prompts
     * @throws InterruptedException when the thread was interrupted
     * @throws UserException when the settings or latents do not fit the pipeline
     */
    public List<BufferedImage> generate(List<Prompt> prompts, Settings settings) throws InterruptedException {
        for (Prompt prompt : prompts) {
            if (prompt.latents.length != latentLength()) {
                throw new UserException(
                        "latents: have " + prompt.latents.length + " elements, the pipeline's unet takes "
                                + latentLength() + " of shape " + Arrays.toString(latentShape));
            }
        }
        Scheduler scheduler = scheduler(settings);
        boolean guided = isGuided(settings.guidanceScale);
        try (NDManager scope = manager.newSubManager()) {
            NDArray states = encode(scope, prompts, guided);
            float[] latents = beginning(prompts, scheduler.initNoiseSigma());
            float[] timesteps = scheduler.timesteps();
            for (int i = 0; i < timesteps.length; i++) {
                if (Thread.interrupted()) {
                    throw new InterruptedException("interrupted at step " + i + " of " + timesteps.length);
                }
                float[] output =
                        predict(states, scheduler.scaleModelInput(i, latents), timesteps[i], prompts.size(), guided);
                float[] prediction = guided ? guide(output, settings.guidanceScale) : output;
                latents = scheduler.step(i, prediction, latents, step -> stepNoise(prompts, step));
            }
            return decode(latents, prompts.size());
        }
    }

    /** Hidden states (N, L, D) of the captions; with guidance (2N, L, D), those of the negative prompts first. */
    private NDArray encode(NDManager scope, List<Prompt> prompts, boolean guided) {
        List<String> captions = new ArrayList<>();
        if (guided) {
            prompts.forEach(prompt -> captions.add(prompt.negativePrompt));
        }
        prompts.forEach(prompt -> captions.add(prompt.caption));
        int length = tokenizer.modelMaxLength();
        long[] ids = new long[captions.size() * length];
        for (int i = 0; i < captions.size(); i++) {
            System.arraycopy(tokenizer.encode(captions.get(i)), 0, ids, i * length, length);
        }
        NDArray inputIds = Tensors.of(scope, new Shape(captions.size(), length), ids);
        return Torch.noGrad(() -> textEncoder.call(scope, "forward", inputIds).singletonOrThrow());
    }

    /** One call of the UNet: predictions of the images; with guidance first those of the negative prompt, then the caption's. */
    private float[] predict(NDArray states, float[] latents, float timestep, int images, boolean guided) {
        int batch = guided ? 2 * images : images;
        float[] sample = latents;
        if (guided) {
            sample = Arrays.copyOf(latents, 2 * latents.length);
            System.arraycopy(latents, 0, sample, latents.length, latents.length);
        }
        float[] timesteps = new float[batch];
        Arrays.fill(timesteps, timestep);
        try (NDManager scope = manager.newSubManager()) {
            NDArray input = Tensors.of(scope, batchShape(batch), sample);
            NDArray time = Tensors.of(scope, new Shape(batch), timesteps);
            return Torch.noGrad(() -> unet.call(scope, "forward", input, time, states)
                    .singletonOrThrow()
                    .toFloatArray());
        }
    }

    /** Classifier-free guidance (Ho and Salimans 2022): away from the negative prompt's prediction, towards and past the caption's. */
    static float[] guide(float[] output, double guidanceScale) {
        float scale = (float) guidanceScale;
        int half = output.length / 2;
        float[] guided = new float[half];
        for (int i = 0; i < half; i++) {
            guided[i] = output[i] + scale * (output[half + i] - output[i]);
        }
        return guided;
    }

    /** One image after the other: the decoder's last layers take as much memory for one of 512 px as the UNet's for eight. */
    private List<BufferedImage> decode(float[] latents, int images) {
        List<BufferedImage> result = new ArrayList<>();
        for (int i = 0; i < images; i++) {
            result.add(decode(Arrays.copyOfRange(latents, i * latentLength(), (i + 1) * latentLength())));
        }
        return result;
    }

    private BufferedImage decode(float[] latents) {
        for (int i = 0; i < latents.length; i++) {
            latents[i] = (float) (latents[i] / scalingFactor);
        }
        try (NDManager scope = manager.newSubManager()) {
            NDArray input = Tensors.of(scope, batchShape(1), latents);
            NDArray pixels = Torch.noGrad(() -> vae.call(scope, "decode", input).singletonOrThrow()); // (1, 3, H, W)
            int height = (int) pixels.getShape().get(2);
            int width = (int) pixels.getShape().get(3);
            return RgbImages.of(pixels.toFloatArray(), 0, height, width);
        }
    }

    private Shape batchShape(int batch) {
        return new Shape(batch, latentShape[0], latentShape[1], latentShape[2]);
    }

    /** The latents that the steps begin with, one image after the other. */
    private static float[] beginning(List<Prompt> prompts, float initNoiseSigma) {
        int length = prompts.get(0).latents.length;
        float[] all = new float[prompts.size() * length];
        for (int i = 0; i < all.length; i++) {
            all[i] = prompts.get(i / length).latents[i % length] * initNoiseSigma;
        }
        return all;
    }

    private float[] stepNoise(List<Prompt> prompts, int step) {
        int length = latentLength();
        float[] all = new float[prompts.size() * length];
        for (int i = 0; i < prompts.size(); i++) {
            System.arraycopy(prompts.get(i).noise.step(step, length), 0, all, i * length, length);
        }
        return all;
    }

    private static long[] latentShape(ObjectNode unetConfig) {
        JsonNode size = unetConfig.path("sample_size");
        int height = (size.isArray() ? size.path(0) : size).asInt(DEFAULT_SAMPLE_SIZE);
        int width = (size.isArray() ? size.path(1) : size).asInt(DEFAULT_SAMPLE_SIZE);
        return new long[] {unetConfig.path("in_channels").asInt(4), height, width};
    }

    /** What diffusers' pipeline overrides in any scheduler it is given, as early configs had it wrong. */
    private static ObjectNode stableDiffusionScheduler(ObjectNode config) {
        return config.put("steps_offset", 1).put("clip_sample", false);
    }

    @Override
    public void close() {
        tokenizer.close();
        manager.close();
    }
}

package org.rekindle.worker.pipeline;

/**
 * The parts of a Stable Diffusion pipeline that Rekindle uses, in the order that the text, then the picture, passes them; each has a
 * folder in the pipeline's directory.
 */
public enum Component {
    TOKENIZER("tokenizer", "transformers", "CLIPTokenizer", "tokenizer_config.json", null),
    TEXT_ENCODER("text_encoder", "transformers", "CLIPTextModel", "config.json", "model"),
    VAE("vae", "diffusers", "AutoencoderKL", "config.json", "diffusion_pytorch_model"),
    UNET("unet", "diffusers", "UNet2DConditionModel", "config.json", "diffusion_pytorch_model"),
    SCHEDULER("scheduler", "diffusers", "PNDMScheduler", "scheduler_config.json", null);

    private final String folder;
    private final String library;
    private final String defaultClass;
    private final String configFile;
    private final String weights;

    Component(String folder, String library, String defaultClass, String configFile, String weights) {
        this.folder = folder;
        this.library = library;
        this.defaultClass = defaultClass;
        this.configFile = configFile;
        this.weights = weights;
    }

    /** Name of its folder, of its key in {@code model_index.json} and, but for the scheduler, in the run's configuration. */
    public String folder() {
        return folder;
    }

    /** The Python package that its class comes from. */
    String library() {
        return library;
    }

    /** The class of a component whose configuration names none. */
    String defaultClass() {
        return defaultClass;
    }

    /** Name of the file that holds its config. */
    public String configFile() {
        return configFile;
    }

    public boolean hasWeights() {
        return weights != null;
    }

    /** Name of the file that holds its weights. */
    public String weightsFile() {
        return weights + ".safetensors";
    }
}

package org.rekindle.coordinator.config;

/**
 * The section {@code model}. No component is null.
 *
 * @param pretrained a diffusers pipeline that holds every component; goes before what the components say, the noise schedulers
 *     apart, which change its scheduler; null for none
 * @param vae image encoder and decoder
 * @param textEncoder encoder of the captions
 * @param tokenizer tokenizer of the captions
 * @param unet the network that denoises
 * @param noiseSchedulerTraining noise schedule of the training
 * @param noiseSchedulerInference noise schedule of the pictures drawn
 * @param useEma whether to keep an exponential moving average of the weights
 * @param ema the average's settings; never null
 * @param mixedPrecision {@code bf16} or {@code fp32}, the default: the type computed in; weights are fp32 masters in both
 * @param gradientCheckpointing what of the activations to recompute in the backward pass, for memory; nothing by default
 * @param xformers accepted for the original's sake: attention is memory-efficient with and without it
 * @param maxGradNorm bound of the gradients' L2 norm, applied once per optimizer step; null for none
 */
public record ModelConfig(
        String pretrained,
        ComponentConfig vae,
        ComponentConfig textEncoder,
        ComponentConfig tokenizer,
        ComponentConfig unet,
        ComponentConfig noiseSchedulerTraining,
        ComponentConfig noiseSchedulerInference,
        Boolean useEma,
        EmaConfig ema,
        String mixedPrecision,
        GradientCheckpointing gradientCheckpointing,
        Boolean xformers,
        Double maxGradNorm) {

    public static final String BF16 = "bf16";
    public static final String FP32 = "fp32";

    public ModelConfig {
        vae = orEmpty(vae);
        textEncoder = orEmpty(textEncoder);
        tokenizer = orEmpty(tokenizer);
        unet = orEmpty(unet);
        noiseSchedulerTraining = orEmpty(noiseSchedulerTraining);
        noiseSchedulerInference = orEmpty(noiseSchedulerInference);
        useEma = useEma != null && useEma;
        ema = ema == null ? new EmaConfig(null, null, null, null, null) : ema;
        mixedPrecision = mixedPrecision == null ? FP32 : mixedPrecision;
        gradientCheckpointing = gradientCheckpointing == null ? GradientCheckpointing.FALSE : gradientCheckpointing;
        xformers = xformers != null && xformers;
    }

    private static ComponentConfig orEmpty(ComponentConfig component) {
        return component == null ? ComponentConfig.EMPTY : component;
    }
}

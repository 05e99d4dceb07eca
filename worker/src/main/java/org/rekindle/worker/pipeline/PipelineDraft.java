package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rekindle.coordinator.config.ComponentConfig;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.ShardSurvey;
import org.rekindle.data.stores.Stores;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * The pipeline that {@link PipelineInit} would make, as far as configs tell: no weight is read or drawn, no vocabulary learnt. What is
 * not on this machine is left out.
 *
 * @param modules of the components with weights that are here
 * @param missing what is not on this machine, each {@code pretrained} with the keys that name it
 * @param vaeScaleFactor pixels per latent in each direction; Stable Diffusion's where the autoencoder is missing
 * @param tokens of every text; CLIP's where the tokenizer is missing
 * @param schedule config of the training's noise schedule; null where that is missing
 * @param vocabularyIsOpen whether the text encoder takes the size of a vocabulary that is yet to be learnt, and is here as large as that
 *     may be
 */
public record PipelineDraft(
        Map<Component, ScriptModule> modules,
        Map<String, List<String>> missing,
        int vaeScaleFactor,
        int tokens,
        ObjectNode schedule,
        boolean vocabularyIsOpen) {

    private static final int DEFAULT_SCALE_FACTOR = 8;

    /**
     * Makes the draft, in a temporary folder that is gone afterwards.
     *
     * @param required components that the run cannot do without
     * @throws UserException when the configuration does not make a pipeline, as {@link PipelineInit#init}
     */
    public static PipelineDraft of(
            ModelConfig model, DatasetConfig dataset, ComputeType type, Set<Component> required) {
        Map<String, List<String>> missing = missing(model);
        ModelConfig here = without(model, missing.keySet());
        if (model.pretrained() != null && here.pretrained() == null) {
            return new PipelineDraft(
                    Map.of(), missing, DEFAULT_SCALE_FACTOR, TokenizerParams.DEFAULT_MODEL_MAX_LENGTH, null, false);
        }
        try {
            Path folder = Files.createTempDirectory("rekindle-draft");
            try {
                PipelineDirectory pipeline = write(here, dataset, folder);
                EnumSet<Component> checked = EnumSet.noneOf(Component.class);
                checked.addAll(required);
                checked.removeAll(leftOut(model, here));
                pipeline.require(checked.toArray(Component[]::new));
                if (isToBeLearnt(here)) {
                    TokenizerParams tokenizer = TokenizerParams.of(here.tokenizer());
                    PipelineFit.requirePositions(pipeline, tokenizer.modelMaxLength());
                    requireCaptions(tokenizer, dataset);
                }
                return read(pipeline, missing, here, type);
            } catch (UserException e) {
                throw new UserException(PipelineInit.inTermsOfConfiguration(e.getMessage(), folder), e);
            } finally {
                PipelineInit.delete(folder);
            }
        } catch (IOException e) {
            throw new UserException(
                    "the folder for temporary files cannot be written (" + UserException.reason(e)
                            + "); check disk space and permissions",
                    e);
        }
    }

    /**
     * The draft of a pipeline that is there.
     *
     * @param model says of the training's noise schedule what the pipeline does not
     * @param required components that the run cannot do without
     */
    public static PipelineDraft of(
            PipelineDirectory pipeline, ModelConfig model, ComputeType type, Set<Component> required) {
        pipeline.require(required.toArray(Component[]::new));
        return read(pipeline, Map.of(), model, type);
    }

    private static PipelineDirectory write(ModelConfig model, DatasetConfig dataset, Path folder) throws IOException {
        if (model.pretrained() != null) {
            PipelineDirectory.open(Path.of(model.pretrained())).copyConfigsTo(folder);
            SchedulerFiles.change(model, folder);
            return PipelineDirectory.open(folder);
        }
        Map<Component, ComponentConfig> declared = PipelineInit.declared(model);
        if (isToBeLearnt(model)) {
            declared.remove(Component.TOKENIZER);
        }
        return PipelineInit.layOut(declared, model, dataset, folder, ComponentSource::copyConfigs);
    }

    private static PipelineDraft read(
            PipelineDirectory pipeline, Map<String, List<String>> missing, ModelConfig model, ComputeType type) {
        Map<Component, ScriptModule> modules = new EnumMap<>(Component.class);
        for (Component component : Component.values()) {
            if (component.hasWeights() && pipeline.has(component)) {
                modules.put(component, pipeline.module(component, type));
            }
        }
        return new PipelineDraft(
                Collections.unmodifiableMap(modules),
                missing,
                pipeline.has(Component.VAE) ? pipeline.vaeScaleFactor() : DEFAULT_SCALE_FACTOR,
                tokens(pipeline, model),
                pipeline.has(Component.SCHEDULER) ? PipelineInit.trainingSchedule(model, pipeline) : null,
                !pipeline.has(Component.TOKENIZER)
                        && isToBeLearnt(model)
                        && model.textEncoder().params() != null
                        && !model.textEncoder().params().has("vocab_size"));
    }

    private static int tokens(PipelineDirectory pipeline, ModelConfig model) {
        if (pipeline.has(Component.TOKENIZER)) {
            try (Tokenizer tokenizer = pipeline.tokenizer()) {
                return tokenizer.modelMaxLength();
            }
        }
        return isToBeLearnt(model)
                ? TokenizerParams.of(model.tokenizer()).modelMaxLength()
                : TokenizerParams.DEFAULT_MODEL_MAX_LENGTH;
    }

    /** Captions that are not those of the data set itself, whose shards may be yet to be made. */
    private static void requireCaptions(TokenizerParams tokenizer, DatasetConfig dataset) {
        if (tokenizer.captions() == null) {
            return;
        }
        List<String> others = new ArrayList<>(Stores.locations(TokenizerParams.CAPTIONS, tokenizer.captions()));
        others.removeAll(
                Stores.locations("dataset.params.path", dataset.params().path()));
        if (!others.isEmpty()) {
            String path = String.join("::", others);
            ShardSurvey.of(ComponentConfigs.captioned(path), TokenizerParams.CAPTIONS, path);
        }
    }

    private static boolean isToBeLearnt(ModelConfig model) {
        return model.pretrained() == null
                && model.tokenizer().pretrained() == null
                && model.tokenizer().params() != null;
    }

    /** The components that a draft has not, though the configuration says what they are. */
    private static Set<Component> leftOut(ModelConfig model, ModelConfig here) {
        Set<Component> leftOut = EnumSet.noneOf(Component.class);
        if (here.pretrained() == null) {
            leftOut.addAll(PipelineInit.declared(model).keySet());
            leftOut.removeAll(PipelineInit.declared(here).keySet());
        }
        if (isToBeLearnt(here)) {
            leftOut.add(Component.TOKENIZER);
        }
        return leftOut;
    }

    private static Map<String, List<String>> missing(ModelConfig model) {
        Map<String, String> sources = new LinkedHashMap<>();
        sources.put("model.pretrained", model.pretrained());
        if (model.pretrained() == null) {
            sources.put("model.vae.pretrained", model.vae().pretrained());
            sources.put("model.text_encoder.pretrained", model.textEncoder().pretrained());
            sources.put("model.tokenizer.pretrained", model.tokenizer().pretrained());
            sources.put("model.unet.pretrained", model.unet().pretrained());
        }
        sources.put(
                "model.noise_scheduler_training.pretrained",
                model.noiseSchedulerTraining().pretrained());
        sources.put(
                "model.noise_scheduler_inference.pretrained",
                model.noiseSchedulerInference().pretrained());
        Map<String, List<String>> missing = new LinkedHashMap<>();
        sources.forEach((key, pretrained) -> {
            if (pretrained != null && pretrained.contains("://")) {
                throw new UserException(key + "=" + pretrained
                        + ": models are read from folders of this machine; copy it here and give the folder");
            } else if (pretrained != null && !Files.isDirectory(Path.of(pretrained))) {
                missing.computeIfAbsent(pretrained, each -> new ArrayList<>()).add(key);
            }
        });
        String averages = model.useEma() ? model.ema().path() : null;
        if (averages != null && !Files.exists(Path.of(averages))) {
            missing.computeIfAbsent(averages, each -> new ArrayList<>()).add("model.ema.path");
        }
        return missing;
    }

    private static ModelConfig without(ModelConfig model, Set<String> missing) {
        return new ModelConfig(
                missing.contains(model.pretrained()) ? null : model.pretrained(),
                without(model.vae(), missing),
                without(model.textEncoder(), missing),
                without(model.tokenizer(), missing),
                without(model.unet(), missing),
                without(model.noiseSchedulerTraining(), missing),
                without(model.noiseSchedulerInference(), missing),
                model.useEma(),
                model.ema(),
                model.mixedPrecision(),
                model.gradientCheckpointing(),
                model.xformers(),
                model.maxGradNorm());
    }

    private static ComponentConfig without(ComponentConfig component, Set<String> missing) {
        return missing.contains(component.pretrained()) ? null : component;
    }
}

package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.rekindle.coordinator.config.ComponentConfig;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.data.UserException;

/** The scheduler that goes into a new pipeline. */
final class SchedulerFiles {

    /** What the schedules of training and generation must share. */
    private static final List<String> SCHEDULE_KEYS = List.of(
            "num_train_timesteps",
            "beta_start",
            "beta_end",
            "beta_schedule",
            "trained_betas",
            "prediction_type",
            "rescale_betas_zero_snr");

    /** diffusers' values of those keys where a config leaves them out. */
    private static final ObjectNode DEFAULTS = JsonFiles.JSON
            .createObjectNode()
            .put("num_train_timesteps", 1000)
            .put("beta_start", 1e-4)
            .put("beta_end", 0.02)
            .put("beta_schedule", "linear")
            .put("prediction_type", "epsilon")
            .put("rescale_betas_zero_snr", false);

    /** Classes of diffusers that read {@code rescale_betas_zero_snr}; the first is taken where none is chosen. */
    private static final List<String> FOLLOW_ZERO_SNR = List.of(
            "DDIMScheduler",
            "DDPMScheduler",
            "EulerDiscreteScheduler",
            "EulerAncestralDiscreteScheduler",
            "DPMSolverMultistepScheduler",
            "UniPCMultistepScheduler",
            "LCMScheduler",
            "TCDScheduler");

    private SchedulerFiles() {}

    /** The config that {@code pretrained} or {@code params} of a scheduler give. */
    static ObjectNode config(ComponentConfig scheduler) {
        if (scheduler.pretrained() == null) {
            return scheduler.params();
        }
        Path folder =
                ComponentSource.find("model.noise_scheduler_*.pretrained", Component.SCHEDULER, scheduler.pretrained());
        return JsonFiles.readObject(folder.resolve(Component.SCHEDULER.configFile()));
    }

    /**
     * Writes {@code scheduler_config.json}: the inference scheduler, which takes from the training's what it leaves open of the noise
     * schedule; Stable Diffusion's where the configuration speaks of neither.
     *
     * @throws UserException when the two disagree about the schedule, or the inference scheduler cannot follow it
     */
    static void write(ModelConfig model, Path folder) throws IOException {
        ObjectNode config = JsonFiles.JSON.createObjectNode();
        if (!isDeclared(model)) {
            config.put("beta_start", 0.00085).put("beta_end", 0.012).put("beta_schedule", "scaled_linear");
        }
        config.put("_class_name", Component.SCHEDULER.defaultClass());
        config.put("_diffusers_version", ModelIndex.DIFFUSERS_VERSION);
        JsonFiles.write(folder.resolve(Component.SCHEDULER.configFile()), changed(model, config));
    }

    /** Changes the scheduler of a pipeline to what the configuration says of the schedulers; leaves it alone where that is nothing. */
    static void change(ModelConfig model, Path pipeline) throws IOException {
        if (!isDeclared(model) && model.noiseSchedulerInference().target() == null) {
            return;
        }
        Path file = pipeline.resolve(Component.SCHEDULER.folder()).resolve(Component.SCHEDULER.configFile());
        ObjectNode config = changed(model, JsonFiles.readObject(file));
        JsonFiles.write(file, config);
        Path index = pipeline.resolve(PipelineDirectory.INDEX);
        ObjectNode classes = JsonFiles.readObject(index);
        classes.putArray(Component.SCHEDULER.folder())
                .add(Component.SCHEDULER.library())
                .add(config.get("_class_name").asText());
        JsonFiles.write(index, classes);
    }

    private static boolean isDeclared(ModelConfig model) {
        return model.noiseSchedulerTraining().isDeclared()
                || model.noiseSchedulerInference().isDeclared();
    }

    private static ObjectNode changed(ModelConfig model, ObjectNode config) {
        ComponentConfig training = model.noiseSchedulerTraining();
        ComponentConfig inference = model.noiseSchedulerInference();
        ObjectNode chosen = inference.isDeclared() ? config(inference).deepCopy() : JsonFiles.JSON.createObjectNode();
        if (inference.className() != null) {
            chosen.put("_class_name", inference.className());
        }
        boolean rescaledBefore = rescales(config);
        if (training.isDeclared()) {
            ObjectNode trained = config(training);
            SCHEDULE_KEYS.stream().filter(trained::has).forEach(key -> config.set(key, trained.get(key)));
            requireAgreement(config, chosen);
        }
        config.setAll(chosen);
        // What StableDiffusionPipeline of diffusers insists on, and PNDM without its Runge-Kutta start.
        putIfAbsent(config, "steps_offset", JsonFiles.JSON.getNodeFactory().numberNode(1));
        putIfAbsent(config, "clip_sample", BooleanNode.FALSE);
        putIfAbsent(config, "set_alpha_to_one", BooleanNode.FALSE);
        putIfAbsent(config, "skip_prk_steps", BooleanNode.TRUE);
        if (rescales(config) && !rescaledBefore) {
            drawFromNoiseAlone(config, chosen);
        } else if (rescales(config) && chosen.has("_class_name")) {
            requireFollowsZeroSnr(config);
        }
        return config;
    }

    /** The model would be drawn with on another schedule than it is trained on. */
    private static void requireAgreement(ObjectNode training, ObjectNode inference) {
        for (String key : SCHEDULE_KEYS) {
            JsonNode trained = training.hasNonNull(key) ? training.get(key) : DEFAULTS.path(key);
            JsonNode drawn = inference.hasNonNull(key) ? inference.get(key) : trained;
            boolean equal = trained.isNumber() && drawn.isNumber()
                    ? trained.asDouble() == drawn.asDouble()
                    : trained.equals(drawn);
            if (!equal) {
                throw new UserException(
                        "model.noise_scheduler_inference: " + key + " is " + drawn + ", but the training's is "
                                + (trained.isMissingNode() ? "not set" : trained)
                                + "; leave it out, as the training's holds for both");
            }
        }
    }

    /**
     * With zero terminal SNR only some schedulers follow, and those begin at the last timestep only with {@code timestep_spacing}
     * trailing (Lin et al. 2023, section 3.3): diffusers would ignore the key, or leave that timestep out, without a word.
     */
    private static void drawFromNoiseAlone(ObjectNode config, ObjectNode chosen) {
        if (config.path("prediction_type").asText("epsilon").equals("epsilon")) {
            throw new UserException(
                    "model.noise_scheduler_training: rescale_betas_zero_snr with prediction_type epsilon: at the"
                            + " last timestep the noise says nothing about the latents; set prediction_type to v_prediction");
        }
        if (chosen.has("_class_name")) {
            requireFollowsZeroSnr(config);
        } else if (!followsZeroSnr(config)) {
            config.put("_class_name", FOLLOW_ZERO_SNR.get(0));
        }
        if (!chosen.has("timestep_spacing")) {
            config.put("timestep_spacing", "trailing");
        }
    }

    private static void requireFollowsZeroSnr(ObjectNode config) {
        if (!followsZeroSnr(config)) {
            throw new UserException("model.noise_scheduler_inference: "
                    + config.get("_class_name").asText() + " knows no rescale_betas_zero_snr; set target to one of "
                    + String.join(", ", FOLLOW_ZERO_SNR));
        }
    }

    private static boolean followsZeroSnr(ObjectNode config) {
        return FOLLOW_ZERO_SNR.contains(config.get("_class_name").asText());
    }

    private static boolean rescales(ObjectNode config) {
        return config.path("rescale_betas_zero_snr").asBoolean();
    }

    private static void putIfAbsent(ObjectNode config, String key, JsonNode value) {
        if (!config.has(key)) {
            config.set(key, value);
        }
    }
}

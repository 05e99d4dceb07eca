package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.rekindle.coordinator.config.ComponentConfig;
import org.rekindle.coordinator.config.ModelConfig;

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
     */
    static void write(ModelConfig model, Path folder) throws IOException {
        ComponentConfig training = model.noiseSchedulerTraining();
        ComponentConfig inference = model.noiseSchedulerInference();
        ObjectNode config = JsonFiles.JSON.createObjectNode();
        if (training.isDeclared()) {
            ObjectNode trained = config(training);
            SCHEDULE_KEYS.stream().filter(trained::has).forEach(key -> config.set(key, trained.get(key)));
        }
        if (inference.isDeclared()) {
            config.setAll(config(inference));
        }
        if (!training.isDeclared() && !inference.isDeclared()) {
            config.put("beta_start", 0.00085).put("beta_end", 0.012).put("beta_schedule", "scaled_linear");
        }
        config.put("_class_name", className(inference, config));
        config.put("_diffusers_version", ModelIndex.DIFFUSERS_VERSION);
        // What StableDiffusionPipeline of diffusers insists on, and PNDM without its Runge-Kutta start.
        if (!config.has("steps_offset")) {
            config.put("steps_offset", 1);
        }
        if (!config.has("clip_sample")) {
            config.put("clip_sample", false);
        }
        if (!config.has("set_alpha_to_one")) {
            config.put("set_alpha_to_one", false);
        }
        if (!config.has("skip_prk_steps")) {
            config.put("skip_prk_steps", true);
        }
        JsonFiles.write(folder.resolve(Component.SCHEDULER.configFile()), config);
    }

    private static String className(ComponentConfig inference, ObjectNode config) {
        return inference.target() != null
                ? ComponentConfigs.className(inference, Component.SCHEDULER)
                : config.path("_class_name").asText(Component.SCHEDULER.defaultClass());
    }
}

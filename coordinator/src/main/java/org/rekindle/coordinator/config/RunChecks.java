package org.rekindle.coordinator.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;

/** What each section needs and what its values may be, all in one place so that a reader sees it at a glance. */
final class RunChecks {

    /** What {@code target} may name, without the Python package. */
    private static final Map<String, String[]> CLASSES = Map.of(
            "vae", new String[] {"AutoencoderKL"},
            "text_encoder", new String[] {"CLIPTextModel", "T5EncoderModel"},
            "tokenizer", new String[] {"CLIPTokenizer", "CLIPTokenizerFast", "T5Tokenizer", "T5TokenizerFast"},
            "unet", new String[] {"UNet2DConditionModel"});

    /** diffusers' schedulers of one noise schedule over discrete timesteps. */
    private static final String[] SCHEDULERS = {
        "DDPMScheduler",
        "DDIMScheduler",
        "PNDMScheduler",
        "EulerDiscreteScheduler",
        "EulerAncestralDiscreteScheduler",
        "DPMSolverMultistepScheduler",
        "DPMSolverSinglestepScheduler",
        "DEISMultistepScheduler",
        "UniPCMultistepScheduler",
        "HeunDiscreteScheduler",
        "KDPM2DiscreteScheduler",
        "KDPM2AncestralDiscreteScheduler",
        "LMSDiscreteScheduler",
        "LCMScheduler",
        "TCDScheduler"
    };

    /** The original's templates call the training's DDPMScheduler so; of a training scheduler only the noise schedule is used. */
    private static final String MISNOMER = "DDPMNoiseScheduler";

    private RunChecks() {}

    static void require(RequiredKeys required, RunConfig config) {
        required.need("experiment.log_dir", config.experiment().logDir());
        required.need("experiment.name", config.experiment().name());
        required.need("experiment.num_examples_to_see", config.experiment().numExamplesToSee());
        required.need("system.batch_size", config.system().batchSize());
        required.need(
                "optimizer.params.learning_rate", config.optimizer().params().learningRate());
        requireComponents(required, config.model(), config.objective());
        required.need("dataset.params.path", config.dataset().params().path());
        required.needUnfilled(needless(config.model()));
    }

    static void require(RequiredKeys required, DatasetConfig dataset) {
        required.need("dataset.params.path", dataset.params().path());
        required.need("dataset.params.num_examples_to_see", dataset.params().numExamplesToSee());
        required.needUnfilled(List.of());
    }

    static void require(RequiredKeys required, ModelConfig model) {
        required.needUnfilled(needless(model));
    }

    private static void requireComponents(RequiredKeys required, ModelConfig model, ObjectiveConfig objective) {
        boolean autoencoder = objective.target().equals(ObjectiveConfig.AUTOENCODER);
        List<String> needed = autoencoder ? List.of("vae") : List.of("vae", "text_encoder", "tokenizer", "unet");
        Map<String, ComponentConfig> components = components(model);
        if (model.pretrained() != null) {
            return;
        } else if (components.values().stream().noneMatch(ComponentConfig::isDeclared)
                && !required.isUnfilled("model.unet.pretrained")) {
            required.need("model.pretrained", null);
            return;
        }
        for (String name : needed) {
            required.need("model." + name + ".pretrained", components.get(name).isDeclared() ? name : null);
        }
        boolean scheduled = model.noiseSchedulerTraining().isDeclared()
                || model.noiseSchedulerInference().isDeclared();
        required.need("model.noise_scheduler_training.pretrained", autoencoder || scheduled ? "" : null);
    }

    /** Keys that may say {@code ???} because others of the section go before them. */
    private static List<String> needless(ModelConfig model) {
        List<String> needless = new ArrayList<>();
        Map<String, ComponentConfig> components = components(model);
        if (components.values().stream().anyMatch(ComponentConfig::isDeclared)) {
            needless.add("model.pretrained");
        }
        components.forEach((name, component) -> {
            if (model.pretrained() != null) {
                needless.add("model." + name + ".");
            } else if (component.pretrained() != null) {
                needless.add("model." + name + ".params.");
            } else if (component.params() != null) {
                needless.add("model." + name + ".pretrained");
            }
        });
        if (!model.useEma()) {
            needless.add("model.ema.");
        }
        return needless;
    }

    static Map<String, ComponentConfig> components(ModelConfig model) {
        Map<String, ComponentConfig> components = new LinkedHashMap<>();
        components.put("vae", model.vae());
        components.put("text_encoder", model.textEncoder());
        components.put("tokenizer", model.tokenizer());
        components.put("unet", model.unet());
        components.put("noise_scheduler_training", model.noiseSchedulerTraining());
        components.put("noise_scheduler_inference", model.noiseSchedulerInference());
        return components;
    }

    static void validate(Allowed allowed, RunConfig config) {
        validate(allowed, config.system());
        allowed.oneOf("distributed.dist_backend", config.distributed().distBackend(), "nccl", "gloo", "ring");
        allowed.oneOf(
                "distributed.gradient_dtype",
                config.distributed().gradientDtype(),
                DistributedConfig.FLOAT32,
                DistributedConfig.BFLOAT16);
        allowed.positive("distributed.bucket_mib", config.distributed().bucketMib());
        validate(allowed, config.distributed().tls());
        validate(allowed, config.experiment());
        validate(allowed, config.optimizer());
        validate(allowed, config.lrScheduler());
        validate(allowed, config.model());
        validate(allowed, config.objective());
        validate(allowed, config.model(), config.objective());
        validate(allowed, config.validation());
        allowed.filled("monitoring.hostname", config.monitoring().hostname());
        allowed.filled("monitoring.token", config.monitoring().token());
        allowed.atLeast("monitoring.port", config.monitoring().port(), 0);
        DatasetChecks.validate(allowed, config.dataset());
        if (config.objective().target().equals(ObjectiveConfig.AUTOENCODER)
                && config.dataset().type().equals(DatasetConfig.LATENTS)) {
            throw new UserException(
                    allowed.origin()
                            + ": dataset.type: \"Latents\" has no images, which objective.target autoencoder trains on; name shards of images");
        }
        if (config.objective().target().equals(ObjectiveConfig.AUTOENCODER)
                || config.dataset().type().equals(DatasetConfig.LATENTS)) {
            allowed.absent(
                    "system.encode_batch_size",
                    config.system().encodeBatchSize(),
                    "does nothing without frozen encoders");
        }
        same(
                allowed,
                "dataset.params.batch_size",
                config.dataset().params().batchSize(),
                "system.batch_size",
                config.system().batchSize());
        same(
                allowed,
                "dataset.params.num_examples_to_see",
                config.dataset().params().numExamplesToSee(),
                "experiment.num_examples_to_see",
                config.experiment().numExamplesToSee());
    }

    private static void validate(Allowed allowed, SystemConfig system) {
        allowed.atLeast("system.gradient_accumulation", system.gradientAccumulation(), 1);
        allowed.atLeast("system.batch_size", system.batchSize(), 1);
        allowed.atLeast("system.workers", system.workers(), 0);
        allowed.oneOf("system.dist_backend", system.distBackend(), "nccl", "gloo", "ring");
        allowed.atLeast("system.lanes", system.lanes(), 1);
        allowed.atLeast("system.min_workers", system.minWorkers(), 1);
        allowed.atLeast("system.max_workers", system.maxWorkers(), system.minWorkers());
        allowed.atLeast("system.max_skipped_steps", system.maxSkippedSteps(), 1);
        allowed.atLeast("system.threads", system.threads(), 1);
        allowed.atLeast("system.encode_batch_size", system.encodeBatchSize(), 1);
    }

    private static void validate(Allowed allowed, TlsConfig tls) {
        if (tls == null) {
            return;
        }
        Map<String, String> files = new LinkedHashMap<>();
        files.put("distributed.tls.certificate", tls.certificate());
        files.put("distributed.tls.key", tls.key());
        files.put("distributed.tls.ca", tls.ca());
        files.forEach((key, file) -> {
            if (file == null) {
                throw new UserException(allowed.origin() + ": " + key + " is missing: "
                        + String.join(", ", files.keySet()) + " are given all together, or none");
            } else if (file.contains("-----BEGIN")) {
                throw new UserException(allowed.origin() + ": " + key
                        + " holds what belongs into a file; write it to one and give its path");
            }
            allowed.path(key, file);
        });
    }

    private static void validate(Allowed allowed, ExperimentConfig experiment) {
        allowed.pathOrBucket("experiment.log_dir", experiment.logDir());
        allowed.path("experiment.name", experiment.name());
        allowed.atLeast("experiment.num_examples_to_see", experiment.numExamplesToSee(), 1);
        allowed.atLeast("experiment.save_every", experiment.saveEvery(), 1);
        allowed.atLeast("experiment.num_eval_images", experiment.numEvalImages(), 0);
        allowed.atLeast("experiment.eval_num_inference_steps", experiment.evalNumInferenceSteps(), 1);
        allowed.notNegative("experiment.eval_guidance_scale", experiment.evalGuidanceScale());
        allowed.atLeast("experiment.keep_checkpoints", experiment.keepCheckpoints(), 1);
        allowed.atLeast("experiment.max_requeues_without_progress", experiment.maxRequeuesWithoutProgress(), 0);
    }

    private static void validate(Allowed allowed, OptimizerConfig optimizer) {
        allowed.oneOf("optimizer.name", optimizer.name(), "adamw");
        allowed.notNegative("optimizer.params.learning_rate", optimizer.params().learningRate());
        allowed.beta("optimizer.params.beta1", optimizer.params().beta1());
        allowed.beta("optimizer.params.beta2", optimizer.params().beta2());
        allowed.notNegative("optimizer.params.weight_decay", optimizer.params().weightDecay());
        allowed.notNegative("optimizer.params.epsilon", optimizer.params().epsilon());
    }

    private static void validate(Allowed allowed, LrSchedulerConfig scheduler) {
        allowed.oneOf(
                "lr_scheduler.scheduler",
                scheduler.scheduler(),
                LrSchedulerConfig.CONSTANT_WITH_WARMUP,
                LrSchedulerConfig.COSINE_WITH_WARMUP);
        allowed.notNegative(
                "lr_scheduler.params.learning_rate", scheduler.params().learningRate());
        allowed.atLeast("lr_scheduler.params.warmup_length", scheduler.params().warmupLength(), 0);
    }

    static void validate(Allowed allowed, ModelConfig model) {
        allowed.oneOf("model.mixed_precision", model.mixedPrecision(), ModelConfig.BF16, ModelConfig.FP32);
        allowed.share("model.ema.decay", model.ema().decay());
        allowed.oneOf("model.ema.warmup", model.ema().warmup(), EmaConfig.NONE, EmaConfig.TORCH_EMA, EmaConfig.POWER);
        allowed.positive("model.ema.inv_gamma", model.ema().invGamma());
        allowed.positive("model.ema.power", model.ema().power());
        if (!model.ema().warmup().equals(EmaConfig.POWER)) {
            allowed.absent("model.ema.inv_gamma", model.ema().invGamma(), "is for model.ema.warmup power alone");
            allowed.absent("model.ema.power", model.ema().power(), "is for model.ema.warmup power alone");
        }
        allowed.positive("model.max_grad_norm", model.maxGradNorm());
        components(model).forEach((name, component) -> {
            if (!(name.equals("noise_scheduler_training") && MISNOMER.equals(component.className()))) {
                allowed.oneOf(
                        "model." + name + ".target", component.className(), CLASSES.getOrDefault(name, SCHEDULERS));
            }
            if (name.startsWith("noise_scheduler")) {
                allowed.keys("model." + name + ".params", component.params(), SchedulerKeys.KNOWN);
            }
        });
    }

    private static void validate(Allowed allowed, ObjectiveConfig objective) {
        allowed.oneOf("objective.target", objective.target(), ObjectiveConfig.DENOISING, ObjectiveConfig.AUTOENCODER);
        ObjectiveConfig.Params params = objective.params();
        allowed.notNegative("objective.params.kl_weight", params.klWeight());
        allowed.oneOf(
                "objective.params.reconstruction",
                params.reconstruction(),
                ObjectiveConfig.Params.L1,
                ObjectiveConfig.Params.MSE);
        allowed.positive("objective.params.snr_gamma", params.snrGamma());
        allowed.notNegative("objective.params.noise_offset", params.noiseOffset());
        allowed.notNegative("objective.params.input_perturbation", params.inputPerturbation());
        if (objective.target().equals(ObjectiveConfig.DENOISING)) {
            String reason = "is for objective.target autoencoder alone";
            allowed.absent("objective.params.kl_weight", params.klWeight(), reason);
            allowed.absent("objective.params.reconstruction", params.reconstruction(), reason);
        } else {
            String reason = "is for objective.target denoising alone";
            allowed.absent("objective.params.snr_gamma", params.snrGamma(), reason);
            allowed.absent("objective.params.noise_offset", params.noiseOffset(), reason);
            allowed.absent("objective.params.input_perturbation", params.inputPerturbation(), reason);
        }
    }

    /** The autoencoder has no segments to run again. */
    private static void validate(Allowed allowed, ModelConfig model, ObjectiveConfig objective) {
        boolean autoencoder = objective.target().equals(ObjectiveConfig.AUTOENCODER);
        allowed.absent(
                "model.gradient_checkpointing",
                autoencoder && model.gradientCheckpointing() != GradientCheckpointing.FALSE
                        ? model.gradientCheckpointing()
                        : null,
                "is for objective.target denoising alone");
    }

    private static void validate(Allowed allowed, ValidationConfig validation) {
        allowed.filled("validation.path", validation.path());
        allowed.atLeast("validation.num_examples", validation.numExamples(), 1);
        allowed.atLeast("validation.every", validation.every(), 1);
        if (!validation.isOn()) {
            String reason = "does nothing without validation.path";
            allowed.absent("validation.num_examples", validation.numExamples(), reason);
            allowed.absent("validation.every", validation.every(), reason);
        }
    }

    /** The original read its copies in {@code dataset.params} in one place and the run's own in another; here they must agree. */
    private static void same(Allowed allowed, String key, Number value, String other, Number otherValue) {
        if (!Objects.equals(value, otherValue)) {
            throw new UserException(allowed.origin() + ": " + key + ": " + value + " is not " + other + ": "
                    + otherValue + "; leave it out, or write ${" + other + "}");
        }
    }
}

package org.rekindle.worker.pipeline;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.rekindle.coordinator.config.ComponentConfig;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.KeyedRandom;
import org.rekindle.data.UserException;
import org.rekindle.worker.models.WeightInitialization;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * Makes the pipeline that a training begins with: all of it from {@code model.pretrained}, but for what the configuration says of the
 * schedulers, or each component from its
 * {@code pretrained} or, freshly initialised, from its {@code params}. Components that the configuration does not mention are left out,
 * so an autoencoder can be trained alone.
 */
public final class PipelineInit {

    private PipelineInit() {}

    /**
     * Writes a pipeline.
     *
     * @param dataset where captions for a new vocabulary and the resolution come from; may be null where neither is needed
     * @param seed of the fresh weights
     * @param out a folder that does not exist yet or is empty; it appears once it is complete
     * @throws UserException when the configuration does not make a pipeline
     */
    public static PipelineDirectory init(ModelConfig model, DatasetConfig dataset, long seed, Path out) {
        try {
            if (Files.exists(out) && !isEmptyFolder(out)) {
                throw new UserException(out + ": is there already; choose a new folder for the pipeline");
            }
            Path target = out.toAbsolutePath().normalize();
            Files.createDirectories(target.getParent());
            Path temporary = Files.createTempDirectory(target.getParent(), "." + target.getFileName() + ".tmp");
            try {
                write(model, dataset, seed, temporary);
                Files.deleteIfExists(target);
                Files.move(temporary, target);
            } catch (UserException e) {
                throw new UserException(inTermsOfConfiguration(e.getMessage(), temporary), e);
            } finally {
                delete(temporary);
            }
            return PipelineDirectory.open(out);
        } catch (IOException e) {
            throw new UserException(
                    out + ": the pipeline cannot be written (" + UserException.reason(e)
                            + "); check disk space and permissions",
                    e);
        }
    }

    /**
     * The config of the training's noise schedule: {@code model.noise_scheduler_training}, or else the pipeline's scheduler.
     *
     * @throws UserException when neither is there
     */
    public static ObjectNode trainingSchedule(ModelConfig model, PipelineDirectory pipeline) {
        ComponentConfig training = model.noiseSchedulerTraining();
        if (model.pretrained() == null && training.isDeclared()) {
            return SchedulerFiles.config(training);
        }
        return pipeline.config(Component.SCHEDULER);
    }

    /** What was read was written here from the configuration a moment ago: name its section, not a file that will be gone. */
    static String inTermsOfConfiguration(String message, Path temporary) {
        String folder = Pattern.quote(temporary.toString());
        return message.replaceAll(folder + "/(\\w+)/\\w+\\.json", "model.$1")
                .replaceAll(folder + "(/(?=\\w))?", "model");
    }

    private static void write(ModelConfig model, DatasetConfig dataset, long seed, Path folder) throws IOException {
        if (model.pretrained() != null) {
            PipelineDirectory.open(ComponentSource.local("model.pretrained", model.pretrained()))
                    .copyTo(folder, Map.of());
            SchedulerFiles.change(model, folder);
            return;
        }
        Map<Component, ComponentConfig> declared = declared(model);
        if (declared.isEmpty()) {
            throw new UserException(
                    "model: nothing says what to train; set model.pretrained, or pretrained or params of"
                            + " model.vae, model.text_encoder, model.tokenizer and model.unet");
        }
        PipelineDirectory pipeline = layOut(declared, model, dataset, folder, ComponentSource::copy);
        for (Map.Entry<Component, ComponentConfig> entry : declared.entrySet()) {
            if (entry.getKey().hasWeights() && entry.getValue().pretrained() == null) {
                initialize(pipeline, entry.getKey(), seed);
            }
        }
    }

    /** Copies a component's files into an existing folder. */
    interface Copy {
        void copy(Component component, String pretrained, Path target) throws IOException;
    }

    /** Writes a pipeline but for the weights of fresh components. */
    static PipelineDirectory layOut(
            Map<Component, ComponentConfig> declared, ModelConfig model, DatasetConfig dataset, Path folder, Copy copy)
            throws IOException {
        ComponentConfigs configs = new ComponentConfigs(folder, dataset, model.tokenizer());
        for (Map.Entry<Component, ComponentConfig> entry : declared.entrySet()) {
            Component component = entry.getKey();
            Files.createDirectories(folder.resolve(component.folder()));
            if (entry.getValue().pretrained() != null) {
                copy.copy(component, entry.getValue().pretrained(), folder.resolve(component.folder()));
            } else {
                configs.write(component, entry.getValue());
            }
        }
        if (declared.containsKey(Component.UNET)) {
            Files.createDirectories(folder.resolve(Component.SCHEDULER.folder()));
            SchedulerFiles.write(model, folder.resolve(Component.SCHEDULER.folder()));
        }
        ModelIndex.write(folder, declared);
        PipelineDirectory pipeline = PipelineDirectory.open(folder);
        declared.forEach((component, config) -> checkClass(pipeline, component, config));
        return pipeline;
    }

    /** The components that the configuration mentions; the tokenizer comes before the text encoder, the autoencoder before the UNet. */
    static Map<Component, ComponentConfig> declared(ModelConfig model) {
        Map<Component, ComponentConfig> components = new EnumMap<>(Component.class);
        components.put(Component.TOKENIZER, model.tokenizer());
        components.put(Component.VAE, model.vae());
        components.put(Component.TEXT_ENCODER, model.textEncoder());
        components.put(Component.UNET, model.unet());
        components.values().removeIf(component -> !component.isDeclared());
        return components;
    }

    /** A {@code target} beside {@code pretrained} says what the user expects there. */
    private static void checkClass(PipelineDirectory pipeline, Component component, ComponentConfig config) {
        String expected = config.className();
        if (config.pretrained() != null && component.hasWeights() && expected != null) {
            String found = pipeline.className(component);
            if (!found.equals(expected)) {
                throw new UserException("model." + component.folder() + ".target: " + expected + ", but "
                        + config.pretrained() + " holds a " + found + "; correct one of them");
            }
        }
    }

    private static void initialize(PipelineDirectory pipeline, Component component, long seed) throws IOException {
        ScriptModule script = pipeline.module(component, ComputeType.FP32);
        // Parameters of two components may have the same name, but must not have the same values.
        long componentSeed =
                KeyedRandom.of(seed, "weights " + component.folder()).nextLong();
        try (NDManager manager = Torch.manager();
                TorchModule module = TorchModule.load(manager, script)) {
            WeightInitialization.fill(module, script, componentSeed);
            Weights.writer(Weights.copyToHost(module))
                    .write(pipeline.folder(component).resolve(component.weightsFile()));
        }
    }

    private static boolean isEmptyFolder(Path path) throws IOException {
        if (!Files.isDirectory(path)) {
            return false;
        }
        try (Stream<Path> files = Files.list(path)) {
            return files.findAny().isEmpty();
        }
    }

    static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}

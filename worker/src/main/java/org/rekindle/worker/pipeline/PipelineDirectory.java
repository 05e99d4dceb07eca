package org.rekindle.worker.pipeline;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.rekindle.data.UserException;
import org.rekindle.worker.models.Models;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * A pipeline in diffusers' layout: {@code model_index.json} and a folder per component. It is read only; {@link #copyTo} makes a new
 * one. Any thread may use it.
 */
public final class PipelineDirectory {

    /** Names the pipeline's components and their classes; a folder without it is no pipeline. */
    public static final String INDEX = "model_index.json";

    private static final double DEFAULT_SCALING_FACTOR = 0.18215;

    private final Path root;
    private final ObjectNode index;

    private PipelineDirectory(Path root, ObjectNode index) {
        this.root = root;
        this.index = index;
    }

    /**
     * Opens a pipeline after a look at its components: their folders and configs are there and fit each other.
     *
     * @throws UserException naming what is missing or does not fit
     */
    public static PipelineDirectory open(Path root) {
        if (!Files.isDirectory(root)) {
            throw new UserException(root + ": no such folder; expected a diffusers pipeline");
        }
        if (!Files.isRegularFile(root.resolve(INDEX))) {
            throw new UserException(root + ": has no " + INDEX
                    + "; expected a diffusers pipeline, the folder that holds unet/ and vae/");
        }
        PipelineDirectory pipeline = new PipelineDirectory(root, JsonFiles.readObject(root.resolve(INDEX)));
        for (Component component : Component.values()) {
            if (pipeline.has(component)) {
                pipeline.config(component);
            }
        }
        PipelineFit.check(pipeline);
        return pipeline;
    }

    public Path root() {
        return root;
    }

    ObjectNode index() {
        return index;
    }

    /** Whether {@code model_index.json} names the component. */
    public boolean has(Component component) {
        return index.path(component.folder()).path(1).isTextual();
    }

    /**
     * Checks that the components are there.
     *
     * @throws UserException naming the first that is not
     */
    public PipelineDirectory require(Component... components) {
        for (Component component : components) {
            if (!has(component)) {
                throw new UserException(root + ": the pipeline has no " + component.folder()
                        + "; take one that has, or give the component a pretrained or params in the configuration");
            }
        }
        return this;
    }

    /**
     * The component's config, as it lies in its folder.
     *
     * @throws UserException when the component or its file is missing
     */
    public ObjectNode config(Component component) {
        require(component);
        return JsonFiles.readObject(folder(component).resolve(component.configFile()));
    }

    /**
     * The component's class. As in diffusers, {@code model_index.json} has the last word on classes of transformers: the config of a
     * text encoder may name a larger model that it is a part of.
     */
    public String className(Component component) {
        ObjectNode config = config(component);
        String indexed = index.path(component.folder()).path(1).asText();
        return component.library().equals("diffusers")
                ? config.path("_class_name").asText(indexed)
                : indexed;
    }

    /** The factor between the autoencoder's latents and those that the UNet sees. */
    public double scalingFactor() {
        return config(Component.VAE).path("scaling_factor").asDouble(DEFAULT_SCALING_FACTOR);
    }

    /** Pixels per latent, in each direction. */
    public int vaeScaleFactor() {
        return 1 << Math.max(0, config(Component.VAE).path("block_out_channels").size() - 1);
    }

    /** Opens the component's weights; close them. */
    public SafetensorsFile weights(Component component) {
        return SafetensorsFile.open(weightsPath(component));
    }

    /** Opens the tokenizer; close it. */
    public Tokenizer tokenizer() {
        return Tokenizer.open(folder(Component.TOKENIZER), className(Component.TOKENIZER));
    }

    /** The component's module, without weights. */
    public ScriptModule module(Component component, ComputeType type) {
        try {
            return Models.compile(className(component), config(component), type);
        } catch (UserException e) {
            throw new UserException(folder(component).resolve(component.configFile()) + ": " + e.getMessage(), e);
        }
    }

    /**
     * The component's module with its weights. Close it, or the manager.
     *
     * @throws UserException when the config is not supported or the weights do not fit it
     */
    public TorchModule load(NDManager manager, Component component, ComputeType type) {
        ScriptModule script = module(component, type);
        try (SafetensorsFile weights = weights(component)) {
            TorchModule module = TorchModule.load(manager, script);
            try {
                Weights.load(module, weights, component.folder());
            } catch (RuntimeException e) {
                module.close();
                throw e;
            }
            return module;
        }
    }

    /**
     * Writes a complete copy whose weights differ where {@code changed} says so. Configs are copied byte for byte; weights that stay
     * are hard links where the file system allows.
     *
     * @param target a folder that does not exist yet or is empty
     * @param changed the new weights
     * @throws IOException when the disk is full or the folder cannot be written
     */
    public void copyTo(Path target, Map<Component, SafetensorsWriter> changed) throws IOException {
        Files.createDirectories(target);
        for (Map.Entry<String, JsonNode> field : index.properties()) {
            Path source = root.resolve(field.getKey());
            // A name with dots or slashes would lead out of the folder.
            if (field.getKey().matches("\\w+") && field.getValue().path(1).isTextual() && Files.isDirectory(source)) {
                ComponentFiles.copyConfigs(source, target.resolve(field.getKey()));
                if (Arrays.stream(Component.values())
                        .noneMatch(component -> component.folder().equals(field.getKey()))) {
                    ComponentFiles.linkOthers(source, target.resolve(field.getKey()));
                }
            }
        }
        for (Component component : Component.values()) {
            if (!component.hasWeights() || !has(component)) {
                continue;
            }
            Path folder = target.resolve(component.folder());
            if (changed.containsKey(component)) {
                changed.get(component).write(folder.resolve(component.weightsFile()));
            } else {
                ComponentFiles.linkWeights(weightsPath(component), folder);
            }
        }
        // Last, since it makes the folder a pipeline.
        Files.copy(root.resolve(INDEX), target.resolve(INDEX));
    }

    /** Copies what describes the components; their weights have to be there, but stay where they are. */
    void copyConfigsTo(Path target) throws IOException {
        for (Component component : Component.values()) {
            if (has(component)) {
                ComponentFiles.copyConfigs(folder(component), target.resolve(component.folder()));
                if (component.hasWeights()) {
                    weightsPath(component);
                }
            }
        }
        Files.copy(root.resolve(INDEX), target.resolve(INDEX));
    }

    Path folder(Component component) {
        return root.resolve(component.folder());
    }

    private Path weightsPath(Component component) {
        require(component);
        return ComponentFiles.weights(folder(component), component);
    }
}

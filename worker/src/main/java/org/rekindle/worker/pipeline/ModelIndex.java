package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.rekindle.coordinator.config.ComponentConfig;

/** Writes {@code model_index.json}, by which diffusers knows the classes of a pipeline's components. */
final class ModelIndex {

    /** The diffusers whose layout this is; from 0.9.0 on diffusers does not second-guess {@code sample_size}. */
    static final String DIFFUSERS_VERSION = "0.35.0";

    private ModelIndex() {}

    /**
     * Names the components whose configs lie in the folder; the others, and the safety checker, are null.
     *
     * @param declared what the run's configuration says of them
     */
    static void write(Path folder, Map<Component, ComponentConfig> declared) throws IOException {
        TreeMap<String, String[]> classes = new TreeMap<>();
        for (String absent : new String[] {"feature_extractor", "image_encoder", "safety_checker"}) {
            classes.put(absent, new String[2]);
        }
        for (Component component : Component.values()) {
            Path config = folder.resolve(component.folder()).resolve(component.configFile());
            classes.put(
                    component.folder(),
                    Files.exists(config)
                            ? new String[] {
                                component.library(),
                                className(component, declared.get(component), JsonFiles.readObject(config))
                            }
                            : new String[2]);
        }
        ObjectNode index = JsonFiles.JSON.createObjectNode();
        index.put("_class_name", "StableDiffusionPipeline").put("_diffusers_version", DIFFUSERS_VERSION);
        index.put("requires_safety_checker", false);
        classes.forEach((name, pair) -> index.putArray(name).add(pair[0]).add(pair[1]));
        JsonFiles.write(folder.resolve(PipelineDirectory.INDEX), index);
    }

    /** The class of a component; for those of transformers the {@code target} goes before the config, which may name none or another. */
    static String className(Component component, ComponentConfig declared, ObjectNode config) {
        if (component.library().equals("transformers") && declared.target() != null) {
            return ComponentConfigs.className(declared, component);
        }
        return switch (component) {
            case TOKENIZER -> config.path("tokenizer_class").asText(component.defaultClass());
            case TEXT_ENCODER -> config.path("architectures").path(0).asText(component.defaultClass());
            default -> config.path("_class_name").asText(component.defaultClass());
        };
    }
}

package org.rekindle.worker.pipeline;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rekindle.data.UserException;

/** Where a {@code pretrained} of the configuration points: the root of a pipeline, or a component's own folder. */
final class ComponentSource {

    private ComponentSource() {}

    /** A local folder. */
    static Path local(String key, String pretrained) {
        Path path = Path.of(pretrained);
        if (!Files.isDirectory(path)) {
            throw new UserException(key + "=" + pretrained + ": no such folder; expected a pipeline on this machine");
        }
        return path;
    }

    /** The folder that holds the component's config. */
    static Path find(String key, Component component, String pretrained) {
        Path root = local(key, pretrained);
        Path inner = root.resolve(component.folder());
        for (Path folder : new Path[] {inner, root}) {
            if (Files.isRegularFile(folder.resolve(component.configFile()))) {
                return folder;
            }
        }
        throw new UserException(
                key + "=" + pretrained + ": has neither " + component.folder() + "/" + component.configFile() + " nor "
                        + component.configFile() + "; expected a pipeline or the component's folder");
    }

    /** Copies a component's files into an existing folder; weights are linked where possible. */
    static void copy(Component component, String pretrained, Path target) throws IOException {
        Path source = find(component, pretrained);
        ComponentFiles.copyConfigs(source, target);
        if (component.hasWeights()) {
            ComponentFiles.linkWeights(ComponentFiles.weights(source, component), target);
        }
    }

    /** Copies what describes a component; its weights have to be there, but stay where they are. */
    static void copyConfigs(Component component, String pretrained, Path target) throws IOException {
        Path source = find(component, pretrained);
        ComponentFiles.copyConfigs(source, target);
        if (component.hasWeights()) {
            ComponentFiles.weights(source, component);
        }
    }

    private static Path find(Component component, String pretrained) {
        return find("model." + component.folder() + ".pretrained", component, pretrained);
    }
}

package org.rekindle.worker.pipeline;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.rekindle.data.UserException;

/** The files in a component's folder: finding, copying and linking them. */
final class ComponentFiles {

    private static final String INDEX_SUFFIX = ".index.json";

    private ComponentFiles() {}

    /**
     * The file that holds a component's weights, or the index of several.
     *
     * @throws UserException when there is none in the safetensors format
     */
    static Path weights(Path folder, Component component) {
        Path single = folder.resolve(component.weightsFile());
        Path index = folder.resolve(component.weightsFile() + INDEX_SUFFIX);
        if (Files.isRegularFile(single)) {
            return single;
        }
        if (Files.isRegularFile(index)) {
            return index;
        }
        boolean pickled = Stream.of("diffusion_pytorch_model.bin", "pytorch_model.bin")
                .anyMatch(name -> Files.isRegularFile(folder.resolve(name)));
        throw new UserException(single + ": no such file"
                + (pickled
                        ? "; the .bin beside it is a pickle, which may run code, and is not read: save the pipeline as safetensors"
                        : "; expected the component's weights there"));
    }

    /** Copies what describes a component, its weights apart. */
    static void copyConfigs(Path source, Path target) throws IOException {
        Files.createDirectories(target);
        for (Path file : files(source)) {
            String name = file.getFileName().toString();
            if (isConfig(name)) {
                Files.copy(file, target.resolve(name));
            }
        }
    }

    /** Links all that {@link #copyConfigs} leaves out: the weights, in whatever format, of a component that Rekindle does not read. */
    static void linkOthers(Path source, Path target) throws IOException {
        for (Path file : files(source)) {
            String name = file.getFileName().toString();
            if (!isConfig(name)) {
                link(file, target.resolve(name));
            }
        }
    }

    private static boolean isConfig(String name) {
        boolean describes = name.endsWith(".json") || name.endsWith(".txt") || name.endsWith(".model");
        return describes && !name.endsWith(INDEX_SUFFIX);
    }

    /** Links weights, an index and its shards included, into a folder; copies them where links are not possible. */
    static void linkWeights(Path weights, Path target) throws IOException {
        for (Path file : weightsFiles(weights)) {
            Path name = target.resolve(file.getFileName());
            if (isIndex(file)) {
                Files.copy(file, name);
            } else {
                link(file, name);
            }
        }
    }

    /** The files that a copy of the component has, in the order of their names. */
    static Set<Path> ofComponent(Path folder, Component component) throws IOException {
        Set<Path> files = new TreeSet<>();
        for (Path file : files(folder)) {
            if (isConfig(file.getFileName().toString())) {
                files.add(file);
            }
        }
        if (component.hasWeights()) {
            files.addAll(weightsFiles(weights(folder, component)));
        }
        return files;
    }

    /** The weights' file, or the index and the files that it joins. */
    private static Set<Path> weightsFiles(Path weights) {
        Set<Path> files = new TreeSet<>(Set.of(weights));
        if (isIndex(weights)) {
            JsonFiles.readObject(weights)
                    .path("weight_map")
                    .forEach(shard -> files.add(weights.resolveSibling(shard.asText())));
        }
        return files;
    }

    private static boolean isIndex(Path weights) {
        return weights.getFileName().toString().endsWith(INDEX_SUFFIX);
    }

    private static void link(Path source, Path target) throws IOException {
        try {
            // A hub's cache holds symbolic links; the new name must outlive them.
            Files.createLink(target, source.toRealPath());
        } catch (UnsupportedOperationException | IOException e) {
            Files.copy(source, target);
        }
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(Files::isRegularFile).sorted().toList();
        }
    }
}

package org.rekindle.worker.hub;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.rekindle.data.UserException;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;

/**
 * Those of a model's files that make a pipeline: of each component its configs and its weights as safetensors, nothing twice.
 *
 * @param files what to fetch, {@code model_index.json} apart
 * @param index {@code model_index.json}, or null when a component that every pipeline needs is left out: the rest is none
 */
record PipelineFiles(List<HubFile> files, HubFile index) {

    private static final List<String> DESCRIPTIONS = List.of(".json", ".txt", ".model");
    private static final List<String> PICKLES = List.of(".bin", ".ckpt", ".pt", ".pth", ".pkl");
    private static final List<String> OTHER_WEIGHTS = List.of(".safetensors", ".msgpack", ".h5", ".onnx", ".pb");
    private static final List<String> WEIGHTS = List.of("diffusion_pytorch_model.safetensors", "model.safetensors");

    /** Reads a small file of the model. */
    interface JsonReader {
        JsonNode read(HubFile file) throws InterruptedException;
    }

    /**
     * @param wanted components, or an empty set for all that {@code model_index.json} names
     * @throws UserException naming the component that is not there, or not as safetensors
     */
    static PipelineFiles select(HubSnapshot snapshot, Set<String> wanted, JsonReader json) throws InterruptedException {
        HubFile index = snapshot.file(PipelineDirectory.INDEX)
                .orElseThrow(
                        () -> new UserException(
                                snapshot.model() + ": has no " + PipelineDirectory.INDEX
                                        + ", so it is no diffusers pipeline; choose a model that is (a checkpoint in one file is not read)"));
        Set<String> named = components(snapshot.model(), json.read(index));
        Set<String> chosen = wanted.isEmpty() ? named : wanted;
        for (String component : chosen) {
            if (!named.contains(component)) {
                throw new UserException("components=" + component + ": " + snapshot.model()
                        + " has no such component; choose of " + String.join(",", named));
            }
        }
        Selection selection = new Selection(snapshot, json);
        for (String component : chosen) {
            selection.add(component);
        }
        boolean complete = Arrays.stream(Component.values())
                .map(Component::folder)
                .filter(named::contains)
                .allMatch(chosen::contains);
        return new PipelineFiles(List.copyOf(selection.files), complete ? index : null);
    }

    /** The keys of {@code "unet": ["diffusers", "UNet2DConditionModel"]}; an absent component is {@code [null, null]}. */
    private static Set<String> components(ModelRevision model, JsonNode index) {
        Set<String> names = new LinkedHashSet<>();
        index.properties().forEach(entry -> {
            if (entry.getValue().path(1).isTextual()) {
                names.add(entry.getKey());
            }
        });
        for (String name : names) {
            if (!name.matches("\\w+")) {
                HubSnapshot.requireInside(model, name);
                throw new UserException(model + ": " + PipelineDirectory.INDEX + " names a component '" + name
                        + "'; expected letters, digits and underscores");
            }
        }
        if (names.isEmpty()) {
            throw new UserException(model + ": " + PipelineDirectory.INDEX
                    + " names no component; expected such as \"unet\": [\"diffusers\", \"UNet2DConditionModel\"]");
        }
        return names;
    }

    private record Selection(HubSnapshot snapshot, JsonReader json, List<HubFile> files) {

        Selection(HubSnapshot snapshot, JsonReader json) {
            this(snapshot, json, new ArrayList<>());
        }

        void add(String component) throws InterruptedException {
            List<HubFile> folder = snapshot.in(component);
            Optional<Component> known = Arrays.stream(Component.values())
                    .filter(one -> one.folder().equals(component))
                    .findFirst();
            if (folder.isEmpty()) {
                throw missing(component, "its folder is not there");
            }
            if (known.isPresent() && !has(folder, component, known.get().configFile())) {
                throw missing(component, "it has no " + known.get().configFile());
            }
            folder.stream()
                    .filter(file -> endsWith(file, DESCRIPTIONS) && !file.path().contains(".index."))
                    .forEach(files::add);
            if (known.isEmpty() || known.get().hasWeights()) {
                addWeights(component, folder, known);
            }
        }

        private void addWeights(String component, List<HubFile> folder, Optional<Component> known)
                throws InterruptedException {
            List<String> names = known.map(one -> List.of(one.weightsFile())).orElse(WEIGHTS);
            for (String name : names) {
                Optional<HubFile> single = snapshot.file(component + "/" + name);
                Optional<HubFile> sharded = snapshot.file(component + "/" + name + ".index.json");
                if (single.isPresent()) {
                    files.add(single.get());
                    return;
                }
                if (sharded.isPresent()) {
                    files.add(sharded.get());
                    addShards(component, sharded.get());
                    return;
                }
            }
            refusePickles(component, folder, names);
            if (known.isPresent()) {
                throw missing(component, "it has no " + names.get(0));
            }
        }

        private void addShards(String component, HubFile index) throws InterruptedException {
            Set<String> shards = new TreeSet<>();
            json.read(index).path("weight_map").forEach(shard -> shards.add(shard.asText()));
            if (shards.isEmpty()) {
                throw new UserException(snapshot.model() + ": " + index.path()
                        + " has no weight_map; expected the names of its shards");
            }
            for (String shard : shards) {
                HubSnapshot.requireInside(snapshot.model(), shard);
                if (!shard.endsWith(".safetensors")) {
                    throw missing(component, "the shard " + shard + " of " + index.path() + " is no safetensors file");
                }
                files.add(snapshot.file(component + "/" + shard)
                        .orElseThrow(() ->
                                missing(component, "the shard " + shard + " of " + index.path() + " is not there")));
            }
        }

        private void refusePickles(String component, List<HubFile> folder, List<String> names) {
            Optional<HubFile> pickle =
                    folder.stream().filter(file -> endsWith(file, PICKLES)).findFirst();
            Optional<HubFile> other = folder.stream()
                    .filter(file -> endsWith(file, OTHER_WEIGHTS))
                    .findFirst();
            if (other.isPresent() && other.get().path().endsWith(".safetensors")) {
                throw missing(
                        component,
                        "of its weights there are only variants such as "
                                + other.get().path() + ", not " + names.get(0));
            }
            if (pickle.isPresent()) {
                throw missing(
                        component,
                        "its weights are only a pickle (" + pickle.get().path()
                                + "), which may run code when it is read, and not safetensors");
            }
            if (other.isPresent()) {
                throw missing(component, "its weights are only " + other.get().path() + ", not safetensors");
            }
        }

        private UserException missing(String component, String problem) {
            return new UserException(
                    snapshot.model() + ": component " + component + ": " + problem
                            + "; choose another model or revision, or leave the component out with components=A,B,...; nothing was fetched");
        }

        private static boolean has(List<HubFile> folder, String component, String name) {
            return folder.stream().anyMatch(file -> file.path().equals(component + "/" + name));
        }

        private static boolean endsWith(HubFile file, List<String> suffixes) {
            return suffixes.stream().anyMatch(file.path()::endsWith);
        }
    }

    /** Everything, {@code model_index.json} last. */
    List<HubFile> all() {
        return Stream.concat(files.stream(), Stream.ofNullable(index)).toList();
    }
}

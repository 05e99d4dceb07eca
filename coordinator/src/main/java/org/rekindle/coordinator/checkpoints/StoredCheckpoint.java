package org.rekindle.coordinator.checkpoints;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rekindle.data.Sha256;
import org.rekindle.data.stores.Bucket;
import org.rekindle.data.stores.Bucket.Content;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Objects of one checkpoint in a bucket, which are written once and never changed.
 *
 * @param bucket of all checkpoints of the run
 * @param step that the index has it under
 * @param folder first part of its keys
 */
record StoredCheckpoint(Bucket bucket, long step, String folder) {

    private static final Logger LOG = LoggerFactory.getLogger(StoredCheckpoint.class);

    /** The largest object that a store copies in one request. */
    private static final long LARGEST_COPY = 5L << 30;

    private static final Pattern NAME = Pattern.compile("step_[0-9]+-g([0-9]+)-.*");

    /** A name that nobody else uses. */
    static String newFolder(long step, long generation) {
        return CheckpointFolder.name(step) + "-g" + generation + "-" + UUID.randomUUID();
    }

    /** The generation whose writer took this name; 0 where it says none. */
    static long generation(String folder) {
        Matcher name = NAME.matcher(folder);
        return name.matches() ? Long.parseLong(name.group(1)) : 0;
    }

    long generation() {
        return generation(folder);
    }

    private String key(String name) {
        return folder + "/" + name;
    }

    String location() {
        return bucket.location(folder);
    }

    /** Empty where it is missing or damaged. */
    Optional<TrainerState> state() throws IOException {
        Optional<Content> content = bucket.read(key(TrainerState.NAME));
        try {
            return content.isEmpty()
                    ? Optional.empty()
                    : Optional.of(CheckpointJson.read(content.get().bytes(), TrainerState.class));
        } catch (JsonProcessingException e) {
            return Optional.empty();
        }
    }

    Optional<Manifest> manifest() throws IOException {
        Optional<Content> content = bucket.read(key(Manifest.NAME));
        return content.isEmpty()
                ? Optional.empty()
                : Optional.of(CheckpointJson.read(content.get().bytes(), Manifest.class));
    }

    /**
     * Uploads a whole checkpoint, the manifest last. What another one has alike is copied within the store, where that can be done.
     *
     * @param local folder of the checkpoint
     * @param previous another checkpoint of the run, whose objects are whole; empty for none
     */
    void upload(Path local, Optional<StoredCheckpoint> previous) throws IOException {
        Manifest manifest = Manifest.read(local);
        Set<String> copied = previous.isPresent() ? copied(manifest, previous.get()) : Set.of();
        Map<String, Path> uploads = new TreeMap<>();
        manifest.files().keySet().stream()
                .filter(name -> !copied.contains(name))
                .forEach(name -> uploads.put(key(name), local.resolve(name)));
        bucket.upload(uploads);
        Optional<String> wrong = problemOfSizes(manifest, sizes());
        if (wrong.isPresent()) {
            throw new IOException(wrong.get() + " after it was sent");
        }
        bucket.write(key(Manifest.NAME), Files.readAllBytes(local.resolve(Manifest.NAME)));
    }

    /** Copies what is alike; none where an object is gone that the other manifest names. */
    private Set<String> copied(Manifest manifest, StoredCheckpoint previous) {
        try {
            Manifest before = previous.manifest().orElse(new Manifest(Map.of()));
            Map<String, String> copies = new TreeMap<>();
            Set<String> names = new HashSet<>();
            manifest.files().forEach((name, file) -> {
                if (file.equals(before.files().get(name)) && file.size() <= LARGEST_COPY) {
                    copies.put(previous.key(name), key(name));
                    names.add(name);
                }
            });
            bucket.copy(copies);
            return names;
        } catch (IOException e) {
            LOG.warn("{}: cannot be copied from ({}); all of it is sent", previous.location(), e.getMessage());
            return Set.of();
        }
    }

    /** What is wrong with it, as far as sizes tell; empty when nothing is. */
    Optional<String> problemOfSizes() throws IOException {
        return problem(manifest -> problemOfSizes(manifest, sizes()));
    }

    /** What is wrong with it, every byte read; empty when it is whole. */
    Optional<String> problem() throws IOException {
        return problem(manifest -> {
            Optional<String> ofSizes = problemOfSizes(manifest, sizes());
            return ofSizes.isPresent() ? ofSizes : problemOfContent(manifest);
        });
    }

    private Optional<String> problemOfContent(Manifest manifest) throws IOException {
        for (Map.Entry<String, Manifest.Entry> file : manifest.files().entrySet()) {
            try (InputStream bytes = bucket.open(key(file.getKey()))) {
                if (!Sha256.of(bytes).equals(file.getValue().sha256())) {
                    return Optional.of(Manifest.damaged(file.getKey()));
                }
            }
        }
        return state().filter(state -> state.step() == step).isEmpty()
                ? Optional.of(TrainerState.NAME + " is of another step")
                : Optional.empty();
    }

    private interface Check {
        Optional<String> of(Manifest manifest) throws IOException;
    }

    private Optional<String> problem(Check check) throws IOException {
        try {
            Optional<Manifest> manifest = manifest();
            if (manifest.isEmpty()) {
                return Optional.of(Manifest.NAME + " is missing");
            }
            Optional<String> incomplete = manifest.get().incomplete();
            return incomplete.isPresent() ? incomplete : check.of(manifest.get());
        } catch (JsonProcessingException e) {
            return Optional.of(Manifest.DAMAGED);
        }
    }

    private Map<String, Long> sizes() throws IOException {
        Map<String, Long> sizes = new HashMap<>();
        bucket.list(folder + "/").forEach(entry -> sizes.put(entry.key(), entry.size()));
        return sizes;
    }

    private Optional<String> problemOfSizes(Manifest manifest, Map<String, Long> sizes) {
        for (Map.Entry<String, Manifest.Entry> file : manifest.files().entrySet()) {
            Long size = sizes.get(key(file.getKey()));
            if (size == null) {
                return Optional.of(file.getKey() + " is missing");
            } else if (size != file.getValue().size()) {
                return Optional.of(Manifest.resized(file.getKey(), size, file.getValue()));
            }
        }
        return Optional.empty();
    }

    /** Fetches all its objects into an empty folder, the manifest last. */
    void download(Path into) throws IOException {
        Manifest manifest = manifest().orElseThrow(() -> new IOException(Manifest.NAME + " is missing"));
        Map<String, Path> files = new TreeMap<>();
        Map<String, Long> sizes = new TreeMap<>();
        for (Map.Entry<String, Manifest.Entry> file : manifest.files().entrySet()) {
            Path target = into.resolve(file.getKey()).normalize();
            if (!target.startsWith(into)) {
                throw new IOException(Manifest.NAME + " names " + file.getKey());
            }
            Files.createDirectories(target.getParent());
            files.put(key(file.getKey()), target);
            sizes.put(key(file.getKey()), file.getValue().size());
        }
        bucket.download(files, sizes);
        manifest.write(into);
    }

    /** Removes all its objects, the manifest first: what is left is no checkpoint. */
    void remove() throws IOException {
        bucket.delete(List.of(key(Manifest.NAME)));
        bucket.delete(bucket.list(folder + "/").stream().map(Bucket.Entry::key).toList());
    }
}

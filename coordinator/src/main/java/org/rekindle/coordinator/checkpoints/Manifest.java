package org.rekindle.coordinator.checkpoints;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.rekindle.data.Sha256;

/**
 * {@code MANIFEST.json}: every file of a checkpoint, by its path in the checkpoint's folder. It is written last, so a checkpoint without
 * it was not finished.
 *
 * @param files size and hash by path, with {@code /} between names
 */
record Manifest(Map<String, Entry> files) {

    static final String NAME = "MANIFEST.json";

    static final String DAMAGED = NAME + " is damaged: not the JSON of a manifest";

    /**
     * @param size bytes
     * @param sha256 in hexadecimal
     */
    record Entry(long size, String sha256) {}

    Manifest {
        files = files == null ? Map.of() : Collections.unmodifiableMap(new TreeMap<>(files));
        if (files.containsValue(null)) {
            throw new IllegalArgumentException("a file without size and hash");
        }
    }

    /**
     * Describes a folder as it is.
     *
     * @param folder the checkpoint's folder, still without a manifest
     * @param previous the checkpoint before it; what is one file with it (a hard link) keeps the hash it has there and is not read again
     */
    static Manifest of(Path folder, Optional<Checkpoint> previous) throws IOException {
        Map<String, Entry> files = new TreeMap<>();
        Manifest before = previous.isPresent() ? read(previous.get().folder()) : new Manifest(Map.of());
        for (Path file : filesIn(folder)) {
            String name = folder.relativize(file).toString().replace('\\', '/');
            Entry known = before.files.get(name);
            boolean linked = known != null
                    && known.size() == Files.size(file)
                    && sameFile(file, previous.get().folder().resolve(name));
            files.put(name, linked ? known : new Entry(Files.size(file), Sha256.of(file)));
        }
        return new Manifest(files);
    }

    private static List<Path> filesIn(Path folder) throws IOException {
        try (Stream<Path> tree = Files.walk(folder)) {
            return tree.filter(Files::isRegularFile).toList();
        }
    }

    private static boolean sameFile(Path one, Path other) throws IOException {
        return Files.exists(other, LinkOption.NOFOLLOW_LINKS)
                && Files.readAttributes(one, BasicFileAttributes.class).fileKey() != null
                && Files.isSameFile(one, other);
    }

    void write(Path folder) throws IOException {
        Path file = folder.resolve(NAME);
        Files.writeString(file, CheckpointJson.text(this));
        DurableFiles.force(file);
    }

    static Manifest read(Path folder) throws IOException {
        return CheckpointJson.read(folder.resolve(NAME), Manifest.class);
    }

    /**
     * Compares a checkpoint with its manifest, reading every byte.
     *
     * @return what is wrong with it, in words that follow its name; empty when it is whole
     */
    static Optional<String> problem(Path folder) {
        return problem(folder, true);
    }

    /** As {@link #problem(Path)}, but by the files' sizes alone. */
    static Optional<String> problemOfSizes(Path folder) {
        return problem(folder, false);
    }

    private static Optional<String> problem(Path folder, boolean hashes) {
        try {
            Manifest manifest = read(folder);
            Optional<String> incomplete = manifest.incomplete();
            if (incomplete.isPresent()) {
                return incomplete;
            }
            for (Map.Entry<String, Entry> entry : manifest.files.entrySet()) {
                Path file = folder.resolve(entry.getKey());
                long size = Files.size(file);
                if (size != entry.getValue().size()) {
                    return Optional.of(resized(entry.getKey(), size, entry.getValue()));
                } else if (hashes && !Sha256.of(file).equals(entry.getValue().sha256())) {
                    return Optional.of(damaged(entry.getKey()));
                }
            }
            return Optional.empty();
        } catch (NoSuchFileException e) {
            return Optional.of(folder.relativize(Path.of(e.getFile())) + " is missing");
        } catch (JsonProcessingException e) {
            return Optional.of(DAMAGED);
        } catch (IOException e) {
            return Optional.of("cannot be read (" + e.getMessage() + ")");
        }
    }

    /** What it lacks; empty when nothing. */
    Optional<String> incomplete() {
        return files.containsKey(TrainerState.NAME)
                ? Optional.empty()
                : Optional.of(NAME + " does not list " + TrainerState.NAME);
    }

    static String resized(String name, long size, Entry entry) {
        return name + " has " + size + " bytes instead of " + entry.size();
    }

    static String damaged(String name) {
        return name + " is damaged: its SHA-256 is not that of the manifest";
    }
}

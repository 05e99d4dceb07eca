package org.rekindle.data.shards;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.rekindle.data.UserException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The images of a folder and its subfolders, in the order of their paths, each captioned by the {@code .txt} file of its name beside it;
 * a {@code .json} file beside it gives its metadata. Images without a caption are left out with a warning.
 *
 * @param folder the folder
 */
public record FolderSource(Path folder) implements ShardSource {

    private static final Logger LOG = LoggerFactory.getLogger(FolderSource.class);
    private static final ObjectMapper JSON = new ObjectMapper();

    @Override
    public Stream<ShardExample> examples() {
        return examples(0);
    }

    /** Keys are given to all images in turn; only those from {@code first} on are read. */
    @Override
    public Stream<ShardExample> examples(long first) {
        List<Path> images = images();
        if (images.isEmpty()) {
            throw new UserException("folder " + folder + " holds no jpg, jpeg, png or webp image: name another folder");
        }
        List<Path> captioned = images.stream().filter(this::isCaptioned).toList();
        if (captioned.isEmpty()) {
            throw new UserException("folder " + folder + " holds " + images.size()
                    + " images, none with a caption: put a .txt file of the same name beside each");
        }
        Set<String> keys = new HashSet<>();
        List<String> all = captioned.stream().map(image -> key(image, keys)).toList();
        return IntStream.range((int) Math.min(first, all.size()), all.size())
                .mapToObj(i -> example(captioned.get(i), all.get(i)));
    }

    private List<Path> images() {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> ImageFiles.extension(file) != null)
                    .sorted()
                    .toList();
        } catch (IOException | UncheckedIOException e) {
            throw new UserException(
                    "folder " + folder + " cannot be read (" + UserException.reason(e) + "): name a readable folder",
                    e);
        }
    }

    private boolean isCaptioned(Path image) {
        boolean captioned = Files.exists(sidecar(image, ".txt"));
        if (!captioned) {
            LOG.warn(
                    "left out {}: no caption beside it ({})",
                    image,
                    sidecar(image, ".txt").getFileName());
        }
        return captioned;
    }

    private String key(Path image, Set<String> keys) {
        String path = folder.relativize(image).toString().replace('\\', '/');
        int base = path.lastIndexOf('/') + 1;
        String name = path.substring(base, path.lastIndexOf('.')).replace('.', '_');
        String key = path.substring(0, base) + name;
        for (int i = 2; !keys.add(key); i++) {
            key = path.substring(0, base) + name + "_" + i;
        }
        return key;
    }

    private ShardExample example(Path image, String key) {
        String extension = ImageFiles.extension(image);
        try {
            String caption = Files.readString(sidecar(image, ".txt")).strip();
            return new ShardExample(key, Files.readAllBytes(image), extension, caption, json(sidecar(image, ".json")));
        } catch (IOException e) {
            throw new UserException(
                    "image " + image + ", its caption or its metadata cannot be read (" + UserException.reason(e) + ")",
                    e);
        }
    }

    private static ObjectNode json(Path file) throws IOException {
        if (!Files.exists(file)) {
            return null;
        }
        try {
            if (JSON.readTree(file.toFile()) instanceof ObjectNode object) {
                return object;
            }
        } catch (JsonProcessingException e) {
            throw new IOException(file.getFileName() + " is not JSON", e);
        }
        throw new IOException(file.getFileName() + " holds no JSON object");
    }

    private static Path sidecar(Path image, String suffix) {
        String name = image.getFileName().toString();
        return image.resolveSibling(name.substring(0, name.lastIndexOf('.')) + suffix);
    }
}

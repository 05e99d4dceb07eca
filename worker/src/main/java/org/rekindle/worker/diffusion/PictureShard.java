package org.rekindle.worker.diffusion;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarFile;
import org.rekindle.data.UserException;
import org.rekindle.data.shards.ShardExample;
import org.rekindle.data.shards.ShardWriter;

/**
 * A WebDataset shard with {@code UID.png} and {@code UID.txt}, the caption, for each picture. They are drawn into the folder
 * {@code FILE.parts}; when all are there, the shard is written and renamed, and the folder deleted.
 */
public record PictureShard(Path file, List<PromptList.Entry> prompts) implements Pictures {

    public PictureShard {
        for (PromptList.Entry prompt : prompts) {
            if (prompt.uid().contains(".")) {
                throw new UserException("uid \"" + prompt.uid() + "\" has a dot, where WebDataset ends a key; rename it"
                        + " or draw into a folder (" + file + " is a shard)");
            }
        }
    }

    @Override
    public Path folder() {
        return file.resolveSibling(file.getFileName() + ".parts");
    }

    @Override
    public Path settings() {
        return file.resolveSibling(file.getFileName() + ".json");
    }

    @Override
    public List<PromptList.Entry> missing() {
        if (!Files.exists(file)) {
            return Pictures.missing(prompts, folder());
        }
        requireSameCaptions();
        return List.of();
    }

    /** A shard that is there may have been drawn from another list; pictures and captions that do not belong together must not go by. */
    private void requireSameCaptions() {
        List<String> expected = new ArrayList<>();
        prompts.forEach(
                prompt -> expected.addAll(List.of(prompt.uid() + ".png", prompt.uid() + ".txt", prompt.caption())));
        List<String> found = new ArrayList<>();
        try (TarFile tar = new TarFile(file, StandardCharsets.UTF_8.name())) {
            for (TarArchiveEntry entry : tar.getEntries()) {
                found.add(entry.getName());
                if (entry.getName().endsWith(".txt")) {
                    try (InputStream caption = tar.getInputStream(entry)) {
                        found.add(new String(caption.readAllBytes(), StandardCharsets.UTF_8));
                    }
                }
            }
        } catch (IOException e) {
            throw new UserException(
                    file + ": is no whole shard (" + UserException.reason(e) + "); delete it to have it drawn again",
                    e);
        }
        if (!found.equals(expected)) {
            throw new UserException(file + ": holds pictures of other captions; delete it or choose another out=");
        }
    }

    @Override
    public Path finish() {
        try {
            if (!Files.exists(file)) {
                write();
            }
            deleteParts();
        } catch (IOException e) {
            throw Pictures.unwritable(file, e);
        }
        return file;
    }

    private void write() throws IOException {
        try (ShardWriter shard = new ShardWriter(file)) {
            for (PromptList.Entry prompt : prompts) {
                byte[] image = Files.readAllBytes(Pictures.file(folder(), prompt));
                shard.add(new ShardExample(prompt.uid(), image, "png", prompt.caption(), null));
            }
            shard.publish();
        }
    }

    private void deleteParts() throws IOException {
        if (!Files.isDirectory(folder())) {
            return;
        }
        List<Path> parts;
        try (Stream<Path> files = Files.list(folder())) {
            parts = files.toList();
        }
        for (Path part : parts) {
            Files.delete(part);
        }
        Files.delete(folder());
    }
}

package org.rekindle.worker.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.rekindle.data.Sha256;
import org.rekindle.data.UserException;
import org.rekindle.worker.diffusion.Pictures;
import org.rekindle.worker.diffusion.PromptList;
import org.rekindle.worker.pipeline.JsonFiles;
import org.rekindle.worker.torchscript.ComputeType;

/**
 * What the pictures of a folder or a shard are drawn with, kept in {@link Pictures#settings}: a generation goes on only with pictures of
 * its own kind. What does not change a picture, such as the batch size, is left out.
 *
 * @param pipeline its folder without links, so that a run's newer checkpoint is another one
 * @param captions SHA-256 of all uids, captions and negative prompts
 */
record DrawnWith(
        String pipeline,
        String captions,
        String scheduler,
        int numInferenceSteps,
        double guidanceScale,
        long seed,
        String latents,
        String precision) {

    static DrawnWith of(GenerateCommand.Options options, List<PromptList.Entry> prompts) {
        StringBuilder captions = new StringBuilder();
        prompts.forEach(prompt ->
                captions.append("%s\0%s\0%s\0".formatted(prompt.uid(), prompt.caption(), prompt.negativePrompt())));
        return new DrawnWith(
                real(options.pipeline()),
                Sha256.of(captions.toString()),
                options.scheduler(),
                options.numInferenceSteps(),
                options.guidanceScale(),
                options.seed(),
                options.latents() == null ? null : real(options.latents()),
                ComputeType.of(options.precision()).name());
    }

    /** A path that leads nowhere stays as it is: whoever opens it says so. */
    private static String real(String path) {
        try {
            return Path.of(path).toRealPath().toString();
        } catch (IOException e) {
            return path;
        }
    }

    /**
     * Compares with what pictures were drawn with.
     *
     * @throws UserException naming the first setting that differs
     */
    void requireSame(Path settings) {
        if (!Files.exists(settings)) {
            return;
        }
        ObjectNode before = JsonFiles.readObject(settings);
        ObjectNode now = Json.tree(this);
        now.fieldNames().forEachRemaining(key -> {
            if (!now.get(key).asText().equals(before.path(key).asText())) {
                throw new UserException(settings + ": the pictures there are drawn with " + key + " = "
                        + before.get(key) + ", asked for is " + now.get(key)
                        + "; choose another out=, or delete pictures and file");
            }
        });
    }

    /** Notes it where pictures are about to be drawn. */
    void note(Path settings) {
        try {
            AtomicFile.write(
                    settings, stream -> stream.write((Json.pretty(this) + "\n").getBytes(StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw new UserException(
                    settings.getParent() + ": images cannot be written (" + UserException.reason(e)
                            + "); check disk space and permissions",
                    e);
        }
    }
}

package org.rekindle.worker.pipeline;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.rekindle.data.Sha256;
import org.rekindle.data.UserException;
import org.rekindle.data.latents.LatentsKey;

/** Says which frozen models a pipeline has: hashes of their files, wherever the folder is. */
public final class PipelineHashes {

    private PipelineHashes() {}

    /**
     * Reads the files of autoencoder, text encoder and tokenizer.
     *
     * @throws UserException when a component is missing or cannot be read
     */
    public static LatentsKey of(PipelineDirectory pipeline, String dtype, int resolution) {
        pipeline.require(Component.VAE, Component.TEXT_ENCODER, Component.TOKENIZER);
        return new LatentsKey(
                Sha256.of(files(pipeline.folder(Component.VAE))),
                Sha256.of(files(pipeline.folder(Component.TEXT_ENCODER)) + files(pipeline.folder(Component.TOKENIZER))),
                dtype,
                resolution);
    }

    private static String files(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            StringBuilder text = new StringBuilder();
            List<Path> sorted = files.filter(Files::isRegularFile).sorted().toList();
            for (Path file : sorted) {
                text.append(file.getFileName())
                        .append(' ')
                        .append(Sha256.of(file))
                        .append('\n');
            }
            return text.toString();
        } catch (IOException e) {
            throw new UserException(folder + " cannot be read (" + UserException.reason(e) + ")", e);
        }
    }
}

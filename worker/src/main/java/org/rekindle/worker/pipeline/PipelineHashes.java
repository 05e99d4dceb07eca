package org.rekindle.worker.pipeline;

import java.io.IOException;
import java.nio.file.Path;
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
                Sha256.of(files(pipeline, Component.VAE)),
                Sha256.of(files(pipeline, Component.TEXT_ENCODER) + files(pipeline, Component.TOKENIZER)),
                dtype,
                resolution);
    }

    /** What a copy of the pipeline has too: the files that describe the component, and its weights. */
    private static String files(PipelineDirectory pipeline, Component component) {
        Path folder = pipeline.folder(component);
        try {
            StringBuilder text = new StringBuilder();
            for (Path file : ComponentFiles.ofComponent(folder, component)) {
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

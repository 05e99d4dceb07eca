package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.Tokenizer;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * Encodes images and captions as they come.
 *
 * @param atOnce examples that go through the models at once; fewer take less memory
 */
record OnlineEncoders(TorchModule vae, TorchModule textEncoder, Tokenizer tokenizer, TorchModule latentMath, int atOnce)
        implements Encoders {

    static OnlineEncoders open(NDManager manager, PipelineDirectory pipeline, ComputeType type, int atOnce) {
        return new OnlineEncoders(
                pipeline.load(manager, Component.VAE, type),
                pipeline.load(manager, Component.TEXT_ENCODER, type),
                pipeline.tokenizer(),
                TorchModule.load(manager, new LatentMath(pipeline.scalingFactor())),
                atOnce);
    }

    @Override
    public NDArray latents(NDManager scope, LaneBatch batch, Draws draws) {
        return new ImageBatch(latentMath).sample(scope, moments(scope, batch), draws);
    }

    /** Returns the posterior's moments of shape (N, 2C, h, w). */
    NDArray moments(NDManager scope, LaneBatch batch) {
        ImageBatch images = new ImageBatch(latentMath);
        return inParts(scope, batch.size(), (part, from, to) -> {
            NDArray image = images.pixels(part, batch, from, to); // (n, 3, H, W)
            return vae.call(part, "encode", image).singletonOrThrow();
        });
    }

    @Override
    public NDArray states(NDManager scope, LaneBatch batch) {
        return states(scope, batch.captions());
    }

    NDArray states(NDManager scope, List<String> captions) {
        return inParts(
                scope,
                captions.size(),
                (part, from, to) -> states(part, textEncoder, tokenizer, captions.subList(from, to)));
    }

    /** Encodes the examples from one to before another. */
    private interface Encoding {
        NDArray of(NDManager scope, int from, int to);
    }

    private NDArray inParts(NDManager scope, int examples, Encoding encoding) {
        if (examples <= atOnce) {
            return encoding.of(scope, 0, examples);
        }
        List<NDArray> parts = new ArrayList<>();
        for (int from = 0; from < examples; from += atOnce) {
            try (NDManager part = scope.newSubManager()) {
                NDArray encoded = encoding.of(part, from, Math.min(examples, from + atOnce));
                encoded.attach(scope);
                parts.add(encoded);
            }
        }
        return latentMath.call(scope, "join", parts).singletonOrThrow();
    }

    static NDArray states(NDManager scope, TorchModule textEncoder, Tokenizer tokenizer, List<String> captions) {
        long[] ids = captions.stream()
                .map(tokenizer::encode)
                .flatMapToLong(Arrays::stream)
                .toArray();
        NDArray tokens = Tensors.of(scope, new Shape(captions.size(), ids.length / captions.size()), ids);
        return textEncoder.call(scope, "forward", tokens).singletonOrThrow();
    }

    @Override
    public void close() {
        vae.close();
        textEncoder.close();
        latentMath.close();
        tokenizer.close();
    }
}

package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.Tokenizer;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.TorchModule;

/** Encodes images and captions as they come. */
record OnlineEncoders(TorchModule vae, TorchModule textEncoder, Tokenizer tokenizer, TorchModule latentMath)
        implements Encoders {

    static OnlineEncoders open(NDManager manager, PipelineDirectory pipeline, ComputeType type) {
        return new OnlineEncoders(
                pipeline.load(manager, Component.VAE, type),
                pipeline.load(manager, Component.TEXT_ENCODER, type),
                pipeline.tokenizer(),
                TorchModule.load(manager, new LatentMath(pipeline.scalingFactor())));
    }

    @Override
    public NDArray latents(NDManager scope, LaneBatch batch, Draws draws) {
        return new ImageBatch(latentMath).sample(scope, moments(scope, batch), draws);
    }

    /** Returns the posterior's moments of shape (N, 2C, h, w). */
    NDArray moments(NDManager scope, LaneBatch batch) {
        NDArray image = new ImageBatch(latentMath).pixels(scope, batch); // (N, 3, H, W)
        return vae.call(scope, "encode", image).singletonOrThrow();
    }

    @Override
    public NDArray states(NDManager scope, LaneBatch batch) {
        return states(scope, batch.captions());
    }

    NDArray states(NDManager scope, List<String> captions) {
        return states(scope, textEncoder, tokenizer, captions);
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

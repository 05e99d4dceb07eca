package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.util.List;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ReadListener;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.lanes.BatchContent;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.latents.ElementType;
import org.rekindle.data.latents.EncodedExample;
import org.rekindle.data.latents.LatentsKey;
import org.rekindle.data.latents.TensorBytes;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.PipelineHashes;
import org.rekindle.worker.pipeline.Tokenizer;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * Takes what {@code rekindle latents} computed: neither the autoencoder nor the text encoder is in memory. Only latents of this pipeline's
 * models are taken.
 *
 * @param expected hashes and resolution of this run
 * @param empty states of the empty caption, of shape (1, L, D), for caption dropout; null where there is none
 */
record PrecomputedEncoders(LatentsKey expected, NDArray empty, TorchModule latentMath) implements Encoders {

    /**
     * Opens them after a look at the first example.
     *
     * @throws UserException when it was computed with other models
     */
    static PrecomputedEncoders open(NDManager manager, PipelineDirectory pipeline, DataSet dataSet, ComputeType type) {
        LatentsKey expected = PipelineHashes.of(pipeline, "", dataSet.params().resolution());
        requireFresh(firstKey(dataSet), expected, dataSet.shards().get(0).location());
        NDArray empty = dataSet.params().textDropout() == 0 ? null : empty(manager, pipeline, type);
        return new PrecomputedEncoders(
                expected, empty, TorchModule.load(manager, new LatentMath(pipeline.scalingFactor())));
    }

    private static LatentsKey firstKey(DataSet dataSet) {
        try (ExampleReader reader = dataSet.all(ReadListener.NONE)) {
            for (Example example = reader.next(); example != null; example = reader.next()) {
                if (example.image() != null) {
                    return EncodedExample.read(example.image().read()).key();
                }
            }
        } catch (ImageException | IOException e) {
            throw new UserException(
                    dataSet.shards().get(0).location() + ": its first example cannot be read: " + e.getMessage(), e);
        }
        throw new UserException(dataSet.shards().get(0).location() + ": no example has a member ."
                + EncodedExample.SUFFIX + ": make the shards with rekindle latents");
    }

    private static void requireFresh(LatentsKey key, LatentsKey expected, String where) {
        String difference = key.differenceFrom(expected);
        if (difference != null) {
            throw new UserException(where + ": its latents are of " + difference
                    + "; compute them anew: rekindle latents config=... out=...");
        }
    }

    private static NDArray empty(NDManager manager, PipelineDirectory pipeline, ComputeType type) {
        try (NDManager scope = manager.newSubManager();
                TorchModule textEncoder = pipeline.load(scope, Component.TEXT_ENCODER, type);
                Tokenizer tokenizer = pipeline.tokenizer();
                TorchModule math = TorchModule.load(scope, new LatentMath(1))) {
            return Torch.noGrad(() -> {
                NDArray states = OnlineEncoders.states(scope, textEncoder, tokenizer, List.of(""));
                NDArray floats = math.call(scope, "floats", states).singletonOrThrow();
                floats.attach(manager);
                return floats;
            });
        }
    }

    @Override
    public NDArray latents(NDManager scope, LaneBatch batch, Draws draws) {
        BatchContent.Encoded encoded = encoded(batch);
        return new ImageBatch(latentMath).sample(scope, tensor(scope, encoded.moments(), encoded), draws);
    }

    @Override
    public NDArray states(NDManager scope, LaneBatch batch) {
        BatchContent.Encoded encoded = encoded(batch);
        NDArray states = tensor(scope, encoded.states(), encoded); // (N, L, D)
        if (!encoded.dropped().contains(true)) {
            return states;
        }
        float[] kept = new float[batch.size()];
        for (int i = 0; i < kept.length; i++) {
            kept[i] = encoded.dropped().get(i) ? 0 : 1;
        }
        NDArray keep = Tensors.of(scope, new Shape(kept.length, 1, 1), kept);
        return latentMath.call(scope, "choose", keep, states, empty).singletonOrThrow();
    }

    private BatchContent.Encoded encoded(LaneBatch batch) {
        BatchContent.Encoded encoded = (BatchContent.Encoded) batch.content();
        requireFresh(encoded.key(), expected, batch.keys().get(0));
        return encoded;
    }

    private static NDArray tensor(NDManager scope, TensorBytes tensor, BatchContent.Encoded encoded) {
        long[] shape = tensor.shape().stream().mapToLong(Integer::longValue).toArray();
        ElementType type = ElementType.valueOf(encoded.key().dtype());
        return Tensors.of(scope, new Shape(shape), type.floats(tensor.bytes()));
    }

    @Override
    public void close() {
        latentMath.close();
        if (empty != null) {
            empty.close();
        }
    }
}

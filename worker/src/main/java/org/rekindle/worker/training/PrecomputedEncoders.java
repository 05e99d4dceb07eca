package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.lanes.BatchContent;
import org.rekindle.data.lanes.LaneBatch;
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
 * @param fresh knows this run's models
 * @param empty states of the empty caption, of shape (1, L, D), for caption dropout; null where there is none
 */
record PrecomputedEncoders(FreshLatents fresh, NDArray empty, TorchModule latentMath, TorchModule stored)
        implements Encoders {

    /**
     * Opens them after a look at the data sets.
     *
     * @param dataSets all that the run reads
     * @throws org.rekindle.data.UserException when they were computed with other models
     */
    static PrecomputedEncoders open(
            NDManager manager, PipelineDirectory pipeline, List<DataSet> dataSets, ComputeType type) {
        DatasetConfig.Params params = dataSets.get(0).params();
        FreshLatents fresh = new FreshLatents(PipelineHashes.of(pipeline, "", params.resolution()));
        dataSets.forEach(fresh::require);
        NDArray empty = params.textDropout() == 0 ? null : empty(manager, pipeline, type);
        return new PrecomputedEncoders(
                fresh,
                empty,
                TorchModule.load(manager, new LatentMath(pipeline.scalingFactor())),
                TorchModule.load(manager, new StoredTensors()));
    }

    private static NDArray empty(NDManager manager, PipelineDirectory pipeline, ComputeType type) {
        try (NDManager scope = manager.newSubManager();
                TorchModule textEncoder = pipeline.load(scope, Component.TEXT_ENCODER, type);
                Tokenizer tokenizer = pipeline.tokenizer()) {
            NDArray states = Torch.noGrad(() -> OnlineEncoders.states(scope, textEncoder, tokenizer, List.of("")));
            states.attach(manager);
            return states;
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
        fresh.require(encoded.key(), batch.keys().get(0));
        return encoded;
    }

    private NDArray tensor(NDManager scope, TensorBytes tensor, BatchContent.Encoded encoded) {
        long[] shape = tensor.shape().stream().mapToLong(Integer::longValue).toArray();
        int last = shape.length - 1;
        long elements = Arrays.stream(shape).reduce(1, Math::multiplyExact);
        shape[last] *= tensor.bytes().length / elements;
        NDArray bytes = Tensors.of(scope, new Shape(shape), tensor.bytes());
        return stored.call(scope, StoredTensors.load(encoded.key().dtype()), bytes)
                .singletonOrThrow();
    }

    @Override
    public void close() {
        latentMath.close();
        stored.close();
        if (empty != null) {
            empty.close();
        }
    }
}

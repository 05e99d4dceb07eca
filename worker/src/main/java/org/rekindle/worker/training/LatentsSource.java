package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.lanes.AcceptedImages;
import org.rekindle.data.lanes.BatchContent;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.latents.EncodedExample;
import org.rekindle.data.latents.LatentsKey;
import org.rekindle.data.latents.TensorBytes;
import org.rekindle.data.shards.ShardExample;
import org.rekindle.data.shards.ShardSource;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the frozen models of a pipeline make of a data set, example by example, for the shards of {@code rekindle latents}. Computed in
 * batches on the first GPU, or the CPU where there is none, by the thread that takes.
 *
 * @param key what it is computed with
 */
public record LatentsSource(
        DataSet dataSet, PipelineDirectory pipeline, LatentsKey key, ComputeType type, int batchSize)
        implements ShardSource {

    private static final Logger LOG = LoggerFactory.getLogger(LatentsSource.class);

    @Override
    public Stream<ShardExample> examples() {
        return examples(0);
    }

    @Override
    public Stream<ShardExample> examples(long first) {
        NDManager manager = Torch.manager();
        OnlineEncoders encoders = OnlineEncoders.open(manager, pipeline, type, batchSize);
        TorchModule stored = TorchModule.load(manager, new StoredTensors());
        AcceptedImages images = new AcceptedImages(dataSet, first);
        long[] number = {first};
        return Stream.generate(() -> images.hasNext() ? batch(images) : null)
                .takeWhile(Objects::nonNull)
                .flatMap(batch -> encode(manager, encoders, stored, batch, number).stream())
                .onClose(() -> {
                    images.close();
                    encoders.close();
                    manager.close();
                });
    }

    private List<AcceptedImages.Image> batch(AcceptedImages images) {
        List<AcceptedImages.Image> batch = new ArrayList<>();
        while (batch.size() < batchSize && images.hasNext()) {
            batch.add(images.next());
        }
        return batch;
    }

    private List<ShardExample> encode(
            NDManager manager,
            OnlineEncoders encoders,
            TorchModule stored,
            List<AcceptedImages.Image> taken,
            long[] number) {
        List<AcceptedImages.Image> batch =
                taken.stream().filter(image -> image.rgb() != null).toList();
        TensorBytes moments =
                batch.isEmpty() ? null : bytes(manager, stored, batch, scope -> encoders.moments(scope, pixels(batch)));
        TensorBytes states = batch.isEmpty() ? null : states(manager, encoders, stored, batch);
        List<ShardExample> encoded = new ArrayList<>();
        int image = 0;
        int caption = 0;
        for (AcceptedImages.Image each : taken) {
            byte[] member = null;
            if (each.rgb() != null) {
                int captions = each.example().captions().size();
                TensorBytes one = moments.part(image, 1);
                TensorBytes withoutBatch = new TensorBytes(one.shape().subList(1, 4), one.bytes());
                member = new EncodedExample(key, withoutBatch, states.part(caption, captions)).toBytes();
                image++;
                caption += captions;
            }
            encoded.add(stored(each.example(), number[0]++, member));
        }
        return encoded;
    }

    /** The states of all captions of all images, of shape (captions, L, D), computed a batch at a time. */
    private TensorBytes states(
            NDManager manager, OnlineEncoders encoders, TorchModule stored, List<AcceptedImages.Image> batch) {
        List<String> captions = batch.stream()
                .flatMap(image -> image.example().captions().stream())
                .toList();
        List<TensorBytes> parts = new ArrayList<>();
        for (int from = 0; from < captions.size(); from += batchSize) {
            List<String> part = captions.subList(from, Math.min(captions.size(), from + batchSize));
            parts.add(bytes(manager, stored, batch, scope -> encoders.states(scope, part)));
        }
        return TensorBytes.joined(parts);
    }

    private TensorBytes bytes(
            NDManager manager,
            TorchModule stored,
            List<AcceptedImages.Image> batch,
            Function<NDManager, NDArray> computed) {
        try (NDManager scope = manager.newSubManager()) {
            NDArray tensor = Torch.noGrad(() -> computed.apply(scope));
            NDList narrow = stored.call(scope, StoredTensors.store(key.dtype()), tensor);
            if (narrow.get(1).toByteArray()[0] == 0) {
                throw new UserException(batch.get(0).example().name() + " or one of the "
                        + (batch.size() - 1) + " behind it: the encoders give numbers that are not finite as "
                        + key.dtype() + ": choose dtype=bf16 or fp32; if that does not help, leave the images out");
            }
            return new TensorBytes(
                    Arrays.stream(tensor.getShape().getShape())
                            .mapToObj(Math::toIntExact)
                            .toList(),
                    narrow.get(0).toByteArray());
        }
    }

    private static ShardExample stored(Example example, long number, byte[] member) {
        return new ShardExample(
                "%09d".formatted(number),
                member,
                EncodedExample.SUFFIX,
                example.captions().get(0),
                metadata(example));
    }

    private LaneBatch pixels(List<AcceptedImages.Image> batch) {
        int side = key.resolution();
        byte[] rgb = new byte[Math.multiplyExact(batch.size(), 3 * side * side)];
        for (int i = 0; i < batch.size(); i++) {
            System.arraycopy(batch.get(i).rgb(), 0, rgb, i * 3 * side * side, 3 * side * side);
        }
        List<String> captions =
                batch.stream().map(image -> image.example().captions().get(0)).toList();
        List<String> names = batch.stream().map(image -> image.example().name()).toList();
        return new LaneBatch(
                0, new BatchContent.Pixels(rgb, side, side), captions, names, LaneCursor.START, LaneCursor.START);
    }

    private static ObjectNode metadata(Example example) {
        try {
            ObjectNode metadata = ShardExample.metadata(example);
            if (metadata != null && metadata.has(DataSet.CAPTIONS)) {
                // What the example's own metadata call captions need not be those that were encoded.
                example.captions().forEach(metadata.putArray(DataSet.CAPTIONS)::add);
            }
            return metadata;
        } catch (IOException e) {
            LOG.warn("{}: its metadata are left out: {}", example.name(), e.getMessage());
            return metadata(new Example(
                    example.shard(), example.key(), example.index(), example.image(), example.captions(), null));
        }
    }
}

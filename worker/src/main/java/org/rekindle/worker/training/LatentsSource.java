package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.lanes.AcceptedImages;
import org.rekindle.data.lanes.BatchContent;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.latents.ElementType;
import org.rekindle.data.latents.EncodedExample;
import org.rekindle.data.latents.LatentsKey;
import org.rekindle.data.latents.TensorBytes;
import org.rekindle.data.shards.ShardExample;
import org.rekindle.data.shards.ShardSource;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;

/**
 * What the frozen models of a pipeline make of a data set, example by example, for the shards of {@code rekindle latents}. Computed in
 * batches on the first GPU, or the CPU where there is none, by the thread that takes.
 *
 * @param key what it is computed with
 */
public record LatentsSource(
        DataSet dataSet, PipelineDirectory pipeline, LatentsKey key, ComputeType type, int batchSize)
        implements ShardSource {

    @Override
    public Stream<ShardExample> examples() {
        return examples(0);
    }

    @Override
    public Stream<ShardExample> examples(long first) {
        NDManager manager = Torch.manager();
        OnlineEncoders encoders = OnlineEncoders.open(manager, pipeline, type);
        AcceptedImages images = new AcceptedImages(dataSet, first);
        long[] number = {first};
        return Stream.generate(() -> images.hasNext() ? batch(images) : null)
                .takeWhile(Objects::nonNull)
                .flatMap(batch -> encode(manager, encoders, batch, number).stream())
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
            NDManager manager, OnlineEncoders encoders, List<AcceptedImages.Image> taken, long[] number) {
        List<AcceptedImages.Image> batch =
                taken.stream().filter(image -> image.rgb() != null).toList();
        try (NDManager scope = manager.newSubManager()) {
            return Torch.noGrad(() -> {
                TensorBytes moments =
                        batch.isEmpty() ? null : bytes(scope, encoders, encoders.moments(scope, pixels(batch)));
                List<ShardExample> encoded = new ArrayList<>();
                int whole = 0;
                for (AcceptedImages.Image image : taken) {
                    byte[] member = null;
                    if (image.rgb() != null) {
                        List<String> captions = image.example().captions();
                        TensorBytes states = bytes(scope, encoders, encoders.states(scope, captions));
                        member = new EncodedExample(key, entry(moments, whole++), states).toBytes();
                    }
                    encoded.add(stored(image.example(), number[0]++, member));
                }
                return encoded;
            });
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

    private TensorBytes bytes(NDManager scope, OnlineEncoders encoders, NDArray tensor) {
        NDArray floats = encoders.latentMath().call(scope, "floats", tensor).singletonOrThrow();
        byte[] bytes = ElementType.valueOf(key.dtype()).bytes(floats.toFloatArray());
        return new TensorBytes(
                Arrays.stream(tensor.getShape().getShape())
                        .mapToObj(Math::toIntExact)
                        .toList(),
                bytes);
    }

    private static TensorBytes entry(TensorBytes batch, int index) {
        int stride = batch.stride();
        return new TensorBytes(
                batch.shape().subList(1, batch.shape().size()),
                Arrays.copyOfRange(batch.bytes(), index * stride, (index + 1) * stride));
    }

    private static ObjectNode metadata(Example example) {
        try {
            return ShardExample.metadata(example);
        } catch (IOException e) {
            throw new UserException(example.name() + ": its metadata cannot be read: " + e.getMessage(), e);
        }
    }
}

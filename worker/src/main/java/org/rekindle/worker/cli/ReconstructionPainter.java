package org.rekindle.worker.cli;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ReadListener;
import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.stores.Shard;
import org.rekindle.worker.diffusion.RgbImages;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/** Draws images of the data set, each with the autoencoder's reconstruction (from the latents' mean) at its right. */
record ReconstructionPainter(int count, int resolution, DataSet dataSet) implements SamplePictures.Painter {

    ReconstructionPainter(RunConfig config, DataSet dataSet) {
        this(config.experiment().numEvalImages(), config.dataset().params().resolution(), dataSet);
    }

    @Override
    public Path draw(PipelineDirectory pipeline, Path out) {
        List<BufferedImage> pairs = new ArrayList<>();
        try (NDManager manager = Torch.manager();
                TorchModule vae = pipeline.load(manager, Component.VAE, ComputeType.FP32)) {
            for (byte[] pixels : images()) {
                float[] image = planes(pixels);
                pairs.add(RgbImages.of(image, 0, resolution, resolution));
                pairs.add(RgbImages.of(reconstruct(manager, vae, image), 0, resolution, resolution));
            }
        }
        Path grid = out.resolve("grid.png");
        try {
            Files.createDirectories(out);
            RgbImages.writePng(RgbImages.grid(pairs), grid);
        } catch (IOException e) {
            throw new UserException(
                    grid + " cannot be written (" + UserException.reason(e) + "); check disk space and permissions", e);
        }
        return grid;
    }

    /** As many images of each shard, so that a mixture of data sets shows all of them. */
    private List<byte[]> images() {
        ImageDecoder decoder = new ImageDecoder(resolution);
        List<Shard> shards = dataSet.shards();
        int perShard = Math.max(1, count / shards.size());
        List<byte[]> images = new ArrayList<>();
        for (Shard shard : shards) {
            int end = Math.min(count, images.size() + perShard);
            try (ExampleReader reader = dataSet.of(List.of(shard)).all(ReadListener.NONE)) {
                for (Example example = reader.next(); example != null && images.size() < end; example = reader.next()) {
                    images.add(decoder.decode(example.image().read()));
                }
            } catch (ImageException | IOException e) {
                throw new UserException("shard " + shard.name() + ": " + e.getMessage(), e);
            }
        }
        return images;
    }

    /** RGB bytes of shape (H, W, 3) as planes (3, H, W) in [-1, 1]. */
    private static float[] planes(byte[] pixels) {
        int plane = pixels.length / 3;
        float[] planes = new float[pixels.length];
        for (int i = 0; i < pixels.length; i++) {
            planes[i % 3 * plane + i / 3] = (pixels[i] & 0xFF) / 127.5f - 1;
        }
        return planes;
    }

    private float[] reconstruct(NDManager manager, TorchModule vae, float[] image) {
        return Torch.noGrad(() -> {
            try (NDManager scope = manager.newSubManager()) {
                NDArray input = Tensors.of(scope, new Shape(1, 3, resolution, resolution), image);
                NDArray moments = vae.call(scope, "encode", input).singletonOrThrow();
                NDArray mean = moments.split(2, 1).get(0);
                return vae.call(scope, "decode", mean).singletonOrThrow().toFloatArray();
            }
        });
    }
}

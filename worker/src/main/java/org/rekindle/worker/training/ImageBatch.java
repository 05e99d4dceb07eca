package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import org.rekindle.data.lanes.BatchContent;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.TorchModule;

/** From a lane's bytes to images, and from moments to latents, on the device of a {@link LatentMath}. */
record ImageBatch(TorchModule latentMath) {

    /** Returns images of shape (batch, 3, height, width) in [-1, 1]. */
    NDArray pixels(NDManager scope, LaneBatch batch) {
        return pixels(scope, batch, 0, batch.size());
    }

    /** Returns the images from one to before another, of shape (to - from, 3, height, width). */
    NDArray pixels(NDManager scope, LaneBatch batch, int from, int to) {
        BatchContent.Pixels pixels = (BatchContent.Pixels) batch.content();
        Shape shape = new Shape(to - from, pixels.height(), pixels.width(), 3);
        int each = pixels.height() * pixels.width() * 3;
        NDArray rgb = Tensors.of(scope, shape, ByteBuffer.wrap(pixels.rgb(), from * each, (to - from) * each));
        return latentMath.call(scope, "pixels", rgb).singletonOrThrow();
    }

    /**
     * Draws from the posterior that an encoder gave.
     *
     * @param moments of shape (batch, 2 channels, height, width)
     * @return latents of shape (batch, channels, height, width), times the scaling factor
     */
    NDArray sample(NDManager scope, NDArray moments, Draws draws) {
        Shape of = moments.getShape();
        Shape shape = new Shape(of.get(0), of.get(1) / 2, of.get(2), of.get(3));
        NDArray noise = normal(scope, draws, Draws.LATENTS, shape);
        return latentMath.call(scope, "sample", moments, noise).singletonOrThrow();
    }

    /** Returns standard normal numbers of a shape. */
    static NDArray normal(NDManager scope, Draws draws, String purpose, Shape shape) {
        return Tensors.of(scope, shape, draws.normal(purpose, Math.toIntExact(shape.size())));
    }
}

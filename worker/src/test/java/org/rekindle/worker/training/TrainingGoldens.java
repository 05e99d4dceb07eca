package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import org.rekindle.coordinator.config.EmaConfig;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.coordinator.config.OptimizerConfig;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.models.Models;
import org.rekindle.worker.models.UNet2DConditionModel;
import org.rekindle.worker.pipeline.SafetensorsFile;
import org.rekindle.worker.pipeline.TensorView;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * What {@code make_training_goldens.py} recorded of ten optimizer steps in Python, and the same models in Java; or the record of other
 * steps, in a file of the same kind, that {@code train_steps.py} made.
 */
final class TrainingGoldens implements AutoCloseable {

    static final int STEPS = 10;
    static final int BATCH = 2;
    static final OptimizerConfig.Params ADAMW = new OptimizerConfig.Params(2e-3, 0.9, 0.98, 0.01, 1e-8);
    static final ModelConfig MODEL = modelConfig(true, 0.8);
    static final LrSchedule LEARNING_RATE = LrSchedule.constantWithWarmup(2e-3, 4);

    private final SafetensorsFile file;

    TrainingGoldens() {
        this(resource("goldens.safetensors"));
    }

    TrainingGoldens(Path file) {
        this.file = SafetensorsFile.open(file);
    }

    static ModelConfig modelConfig(boolean ema, Double maxGradNorm) {
        EmaConfig average = new EmaConfig(null, 0.5, null, null, null);
        return new ModelConfig(null, null, null, null, null, null, null, ema, average, null, null, null, maxGradNorm);
    }

    static Path resource(String name) {
        try {
            return Path.of(
                    TrainingGoldens.class.getResource("/training/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    ObjectNode config(String name) {
        try {
            return (ObjectNode) new ObjectMapper()
                    .readTree(resource("configs.json").toFile())
                    .get(name);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    NoiseSchedule schedule(String predictionType) {
        return NoiseSchedule.of(config("schedule").put("prediction_type", predictionType));
    }

    UNet2DConditionModel unetScript(ComputeType type) {
        return UNet2DConditionModel.of(config("unet"), type);
    }

    /** Runs all segments again, or none. */
    static Recomputation recomputation(UNet2DConditionModel unet, boolean all) {
        return Recomputation.always(all ? Set.copyOf(unet.segments()) : Set.of());
    }

    TorchModule unet(NDManager manager, ComputeType type) {
        return load(manager, unetScript(type), "unet.");
    }

    TorchModule vae(NDManager manager) {
        return load(manager, Models.compile("AutoencoderKL", config("vae"), ComputeType.FP32), "vae.");
    }

    private TorchModule load(NDManager manager, ScriptModule script, String prefix) {
        TorchModule module = TorchModule.load(manager, script);
        module.parameters()
                .forEach((name, parameter) -> Torch.copy(FloatBuffer.wrap(floats(prefix + name)), parameter));
        return module;
    }

    float[] floats(String name) {
        return file.tensor(name).floats();
    }

    /** One step's part of a tensor whose first dimension counts the steps. */
    NDArray array(NDManager scope, String name, int step) {
        TensorView view = file.tensor(name);
        Shape shape = new Shape(Arrays.copyOfRange(view.shape(), 1, view.shape().length));
        int size = Math.toIntExact(shape.size());
        float[] part = new float[size];
        view.floats(step * size, part, size);
        return scope.create(FloatBuffer.wrap(part), shape, DataType.FLOAT32);
    }

    /** The tensor as a whole. */
    NDArray array(NDManager scope, String name) {
        return scope.create(FloatBuffer.wrap(floats(name)), new Shape(file.shape(name)), DataType.FLOAT32);
    }

    byte[] rgb(int step) {
        byte[] all = new byte[Math.toIntExact(file.tensor("rgb").size())];
        file.tensor("rgb").data().get(all);
        return Arrays.copyOfRange(all, step * all.length / STEPS, (step + 1) * all.length / STEPS);
    }

    int[] timesteps(int step) {
        TensorView view = file.tensor("timesteps");
        int batch = (int) view.shape()[1];
        int[] values = new int[batch];
        for (int i = 0; i < batch; i++) {
            values[i] = (int) view.data().getLong(8 * (step * batch + i));
        }
        return values;
    }

    @Override
    public void close() {
        file.close();
    }
}

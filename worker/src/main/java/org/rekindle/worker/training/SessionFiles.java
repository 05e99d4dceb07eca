package org.rekindle.worker.training;

import ai.djl.ndarray.NDArray;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.data.UserException;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.SafetensorsFile;
import org.rekindle.worker.pipeline.Weights;
import org.rekindle.worker.torchscript.Tensors;

/** Names of a checkpoint's files that a session writes, and how it reads them back: into live arrays, bit for bit. */
final class SessionFiles {

    static final String PIPELINE = "pipeline";
    static final String OPTIMIZER = "optimizer.safetensors";
    static final String EMA = "ema.safetensors";
    static final String EXP_AVG = "exp_avg.";
    static final String EXP_AVG_SQ = "exp_avg_sq.";

    private SessionFiles() {}

    /** The raw weights of the trained component; there only where the pipeline holds averaged ones. */
    static String rawWeights(Component component) {
        return component.folder() + ".safetensors";
    }

    /**
     * Restores weights, moments and averages from a checkpoint. What the checkpoint does not hold stays as it is: a run that has made no
     * update has no moments, one without EMA no averages; averages that start late start at the weights.
     *
     * @param updates updates made before the checkpoint
     */
    static void restore(Path checkpoint, Component component, Optimizer optimizer, long updates) {
        Path raw = checkpoint.resolve(rawWeights(component));
        if (Files.exists(raw)) {
            load(raw, "", optimizer.parameters());
        }
        Path ema = checkpoint.resolve(EMA);
        if (!optimizer.ema().isEmpty() && Files.exists(ema)) {
            load(ema, "", optimizer.ema());
        } else {
            optimizer.restartAverages();
        }
        Path moments = checkpoint.resolve(OPTIMIZER);
        if (updates > 0 || Files.exists(moments)) {
            load(moments, EXP_AVG, optimizer.expAvg());
            load(moments, EXP_AVG_SQ, optimizer.expAvgSq());
        }
        optimizer.setUpdates(updates);
    }

    /** Loads the trained component's weights of a checkpoint's pipeline; {@link #restore} is to follow. */
    static void loadWeights(Checkpoint checkpoint, Component component, Optimizer optimizer) {
        Path folder = checkpoint.pipeline().resolve(component.folder());
        try (SafetensorsFile weights = Weights.open(folder, component)) {
            Weights.load(optimizer.parameters(), weights, folder.toString());
        }
    }

    /**
     * Loads averaged weights that {@code model.ema.path} names. Of the {@code config.json} that diffusers' {@code EMAModel} leaves beside
     * them nothing is read: decay and warm-up are the configuration's.
     *
     * @param path a folder with the component's averages ({@code unet_ema}) or its weights ({@code unet}) in it, such a folder itself,
     *     or a safetensors file
     * @throws UserException naming the tensor, when they are not of the same model
     */
    static void loadAverages(Path path, Component component, Optimizer optimizer) {
        Path folder = Stream.of(component.folder() + "_ema", component.folder())
                .map(path::resolve)
                .filter(Files::isDirectory)
                .findFirst()
                .orElse(path);
        try (SafetensorsFile weights =
                Files.isDirectory(folder) ? Weights.open(folder, component) : SafetensorsFile.open(folder)) {
            Weights.load(optimizer.ema(), weights, "model.ema.path: " + component.folder());
        }
    }

    private static void load(Path path, String prefix, Map<String, NDArray> targets) {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            targets.forEach((name, target) -> {
                long[] shape = file.shape(prefix + name);
                if (!Arrays.equals(shape, target.getShape().getShape())) {
                    throw new UserException(path + ": tensor " + prefix + name + " has shape " + Arrays.toString(shape)
                            + ", the model expects " + target.getShape()
                            + "; take the file of a run of the same model");
                }
                if (!file.dtype(prefix + name).isFloat()) {
                    throw new UserException(path + ": tensor " + prefix + name + " has dtype "
                            + file.dtype(prefix + name) + ", expected F32, F16 or BF16");
                }
                Tensors.fill(target, memory -> file.read(prefix + name, memory));
            });
        }
    }
}

package org.rekindle.worker.training;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.config.DistributedConfig;
import org.rekindle.coordinator.config.EmaConfig;
import org.rekindle.coordinator.config.ExperimentConfig;
import org.rekindle.coordinator.config.GradientCheckpointing;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.coordinator.config.OptimizerConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.config.SystemConfig;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.KeyedRandom;
import org.rekindle.data.lanes.BatchContent;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.worker.pipeline.TinyPipeline;

/** A run of the tiny pipeline on random pixels, in a folder of its own: batches of 2, learning rate 1e-3, clipping at 1. */
record TinyRun(Path folder, boolean useEma, String emaPath, String target) {

    static final int BATCH = 2;

    static TinyRun denoising(Path folder) {
        return new TinyRun(folder, true, null, ObjectiveConfig.DENOISING);
    }

    TinyRun withoutEma() {
        return new TinyRun(folder, false, null, target);
    }

    TinyRun withEmaFrom(Path path) {
        return new TinyRun(folder, true, path.toString(), target);
    }

    TinyRun autoencoder() {
        return new TinyRun(folder, useEma, emaPath, ObjectiveConfig.AUTOENCODER);
    }

    RunConfig config() {
        return config("fp32", GradientCheckpointing.FALSE);
    }

    RunConfig config(String mixedPrecision, GradientCheckpointing gradientCheckpointing) {
        return config(mixedPrecision, gradientCheckpointing, null);
    }

    RunConfig config(String mixedPrecision, GradientCheckpointing gradientCheckpointing, Double bucketMib) {
        ModelConfig tiny = TinyPipeline.model();
        ModelConfig model = new ModelConfig(
                null,
                tiny.vae(),
                tiny.textEncoder(),
                tiny.tokenizer(),
                tiny.unet(),
                null,
                null,
                useEma,
                new EmaConfig(emaPath, null, null, null, null),
                mixedPrecision,
                gradientCheckpointing,
                null,
                1.0);
        return new RunConfig(
                new SystemConfig(null, BATCH, null, null, null, null, 5L, null, null, null, 1, null),
                new DistributedConfig(null, null, null, null, bucketMib, null),
                new ExperimentConfig(
                        folder.toString(), "run", null, 1000L, null, null, null, null, null, null, null, null, null),
                new OptimizerConfig(null, new OptimizerConfig.Params(1e-3, null, null, null, null)),
                model,
                TinyPipeline.dataset(),
                null,
                new ObjectiveConfig(target, null),
                null,
                null,
                null,
                null,
                null);
    }

    /** The run on another data set. */
    RunConfig with(DatasetConfig dataset) {
        return with(dataset, config().distributed());
    }

    /** The run by workers that share the optimizer's state. */
    RunConfig sharing() {
        return with(config().dataset(), new DistributedConfig(null, null, null, true, null, null));
    }

    private RunConfig with(DatasetConfig dataset, DistributedConfig distributed) {
        RunConfig tiny = config();
        return new RunConfig(
                tiny.system(),
                distributed,
                tiny.experiment(),
                tiny.optimizer(),
                tiny.model(),
                dataset,
                tiny.lrScheduler(),
                tiny.objective(),
                null,
                null,
                null,
                null,
                null);
    }

    /** Makes the checkpoint of step 0 in {@code folder/start}. */
    Checkpoint fresh() {
        TinyPipeline.write(folder.resolve("start").resolve("pipeline"), 1);
        return new Checkpoint(folder.resolve("start"), new TrainerState(0, 0, 1, Map.of(), 5, "", null));
    }

    /** Writes a snapshot as the checkpoint of a step. */
    Checkpoint write(TrainingSession.Snapshot snapshot, long step) {
        Path checkpoint = folder.resolve("step" + step);
        checkpoint.toFile().mkdirs();
        snapshot.writeTo(checkpoint);
        return new Checkpoint(checkpoint, new TrainerState(step, 0, 1, Map.of(), 5, "", snapshot.state()));
    }

    /** The batch that a lane gives to a step. */
    static LaneBatch batch(long step, int lane) {
        byte[] pixels = new byte[BATCH * 32 * 32 * 3];
        KeyedRandom.of(0, "pixels", step, lane).nextBytes(pixels);
        List<String> captions = Stream.of("a red circle", "").toList();
        return new LaneBatch(
                lane,
                new BatchContent.Pixels(pixels, 32, 32),
                captions,
                List.of("a", "b"),
                LaneCursor.START,
                LaneCursor.START);
    }
}

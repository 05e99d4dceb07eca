package org.rekindle.worker.cli;

import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.torchscript.Torch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Draws pictures of each committed checkpoint into {@code samples/step_XXXXXXXX} of the run folder, beside the training: a thread of
 * its own loads the checkpoint's pipeline from disk. Its failure is told and ends nothing.
 */
final class SamplePictures implements StepListener {

    private static final Logger LOG = LoggerFactory.getLogger(SamplePictures.class);

    /** Turns a pipeline into pictures. */
    interface Painter {
        /** Writes pictures into {@code out} and returns the path of their grid. */
        Path draw(PipelineDirectory pipeline, Path out) throws InterruptedException;
    }

    private final Supplier<Painter> painter;
    private final Path samples;
    private final boolean wanted;

    /** One picture after the other, on a thread that ends when there is nothing to draw; {@link Torch#inThreadOfItsOwn} says why. */
    private final ExecutorService thread =
            new ThreadPoolExecutor(0, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), work -> {
                Thread worker = new Thread(work, "samples");
                worker.setDaemon(true);
                return worker;
            });

    private SamplePictures(Supplier<Painter> painter, RunConfig config) {
        this.painter = painter;
        this.samples = config.experiment().folder().resolve("samples");
        this.wanted = config.experiment().numEvalImages() > 0;
    }

    /** Pictures of captions when the UNet is trained, of images beside their reconstructions when the autoencoder is. */
    static SamplePictures of(RunConfig config, DataSet dataSet) {
        Painter painter = painter(config, dataSet);
        return new SamplePictures(() -> painter, config);
    }

    /** As {@link #of}, of a data set that another node may still be making. */
    static SamplePictures later(RunConfig config) {
        return new SamplePictures(() -> painter(config, DataSet.open(config.dataset())), config);
    }

    private static Painter painter(RunConfig config, DataSet dataSet) {
        boolean autoencoder = config.objective().target().equals(ObjectiveConfig.AUTOENCODER);
        return autoencoder
                ? new ReconstructionPainter(config, dataSet)
                : CaptionPainter.of(config.experiment(), dataSet);
    }

    @Override
    public void saved(long step, Path pipeline) {
        if (!wanted) {
            return;
        }
        Path out = samples.resolve("step_%08d".formatted(step));
        thread.execute(() -> draw(pipeline, out));
    }

    private void draw(Path pipeline, Path out) {
        try {
            Path grid = painter.get().draw(PipelineDirectory.open(pipeline), out);
            System.out.println("samples: " + grid);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (UserException e) {
            System.out.println("samples: none of " + pipeline + ": " + e.getMessage());
        } catch (RuntimeException e) {
            LOG.error("samples of {}", pipeline, e);
            System.out.println("samples: none of " + pipeline + ": " + e);
        }
    }

    /**
     * Ends the drawing.
     *
     * @param completed whether to wait for the pictures of the last checkpoint; a run that was told to stop has no time for them
     */
    void end(boolean completed) throws InterruptedException {
        if (completed) {
            thread.shutdown();
            thread.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
        } else {
            thread.shutdownNow();
        }
    }
}

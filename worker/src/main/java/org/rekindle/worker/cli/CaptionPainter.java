package org.rekindle.worker.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rekindle.coordinator.config.ExperimentConfig;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ReadListener;
import org.rekindle.worker.diffusion.Generation;
import org.rekindle.worker.diffusion.PictureFolder;
import org.rekindle.worker.diffusion.PromptList;
import org.rekindle.worker.diffusion.TextToImage;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.torchscript.ComputeType;

/** Draws the same captions from the same noise at every checkpoint. */
record CaptionPainter(List<PromptList.Entry> prompts, TextToImage.Settings settings) implements SamplePictures.Painter {

    /** The captions of {@code experiment.eval_caption_file}; without one, the first of the data set. */
    static CaptionPainter of(ExperimentConfig experiment, DataSet dataSet) {
        int count = experiment.numEvalImages();
        List<PromptList.Entry> prompts = experiment.evalCaptionFile() == null
                ? captions(dataSet, count)
                : PromptList.read(Path.of(experiment.evalCaptionFile())).stream()
                        .limit(count)
                        .toList();
        return new CaptionPainter(
                prompts,
                new TextToImage.Settings(null, experiment.evalNumInferenceSteps(), experiment.evalGuidanceScale()));
    }

    private static List<PromptList.Entry> captions(DataSet dataSet, int count) {
        List<PromptList.Entry> prompts = new ArrayList<>();
        try (ExampleReader reader = dataSet.all(ReadListener.NONE)) {
            for (Example example = reader.next(); example != null && prompts.size() < count; example = reader.next()) {
                if (!example.captions().isEmpty()) {
                    prompts.add(new PromptList.Entry(
                            "%05d".formatted(prompts.size()), example.captions().get(0)));
                }
            }
        }
        return prompts;
    }

    @Override
    public Path draw(PipelineDirectory pipeline, Path out) throws InterruptedException {
        try (TextToImage textToImage = TextToImage.open(pipeline, ComputeType.FP32)) {
            new Generation(textToImage, settings, 0, Generation.BATCH_SIZE).write(prompts, null, out, done -> {});
            return new PictureFolder(out, prompts, true).finish();
        }
    }
}

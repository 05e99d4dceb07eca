package org.rekindle.worker.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.rekindle.worker.cli.RekindleProcess;

/** {@code current_pipeline} of a short run of the tiny recipe, trained once for all comparisons. */
final class TrainedPipeline {

    private static Path trained;

    private TrainedPipeline() {}

    static synchronized Path folder() throws IOException, InterruptedException {
        if (trained == null) {
            Path run = Files.createTempDirectory(Path.of("target"), "interop").toAbsolutePath();
            trained = of(run, "tiny", "experiment.num_examples_to_see=80");
        }
        return trained;
    }

    /** Trains a recipe of {@code src/test/resources/recipes} in a folder and returns what it published. */
    static Path of(Path folder, String recipe, String... settings) throws IOException, InterruptedException {
        Path config = Path.of("src/test/resources/recipes", recipe + ".yaml").toAbsolutePath();
        Stream<String> command = Stream.of("train", "config=" + config, "experiment.log_dir=" + folder);
        RekindleProcess.start(
                        folder, Stream.concat(command, Stream.of(settings)).toArray(String[]::new))
                .awaitSuccess();
        return folder.resolve(recipe).resolve("current_pipeline");
    }
}

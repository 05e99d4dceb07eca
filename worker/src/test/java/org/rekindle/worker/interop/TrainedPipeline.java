package org.rekindle.worker.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rekindle.worker.cli.RekindleProcess;

/** {@code current_pipeline} of a short run of the tiny recipe, trained once for all comparisons. */
final class TrainedPipeline {

    private static Path trained;

    private TrainedPipeline() {}

    static synchronized Path folder() throws IOException, InterruptedException {
        if (trained == null) {
            Path run = Files.createTempDirectory(Path.of("target"), "interop").toAbsolutePath();
            Path config = Path.of("src/test/resources/recipes/tiny.yaml").toAbsolutePath();
            RekindleProcess.start(
                            run,
                            "train",
                            "config=" + config,
                            "experiment.log_dir=" + run,
                            "experiment.num_examples_to_see=80")
                    .awaitSuccess();
            trained = run.resolve("tiny/current_pipeline");
        }
        return trained;
    }
}

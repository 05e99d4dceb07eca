package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;
import org.rekindle.worker.pipeline.PipelineDirectory;

class StepBenchmarkTest {

    @TempDir
    private Path folder;

    @Test
    void countsImagesAndMeasuresTimeAndMemory() {
        TinyRun run = TinyRun.denoising(folder);
        PipelineDirectory pipeline = PipelineDirectory.open(run.fresh().pipeline());

        StepBenchmark.Result result = StepBenchmark.run(run.config(), pipeline, 3);

        assertThat(result.images()).isEqualTo(3 * TinyRun.BATCH);
        assertThat(result.imagesPerSecond()).isPositive();
        assertThat(result.cpuSeconds()).isPositive();
        assertThat(result.peakRssBytes()).isGreaterThan(50L << 20);
    }

    @Test
    void theAutoencoderIsRefusedInOneLine() {
        TinyRun run = TinyRun.denoising(folder);
        PipelineDirectory pipeline = PipelineDirectory.open(run.fresh().pipeline());

        assertThatThrownBy(() -> StepBenchmark.run(run.autoencoder().config(), pipeline, 3))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("objective.target=autoencoder");
    }
}

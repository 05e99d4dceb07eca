package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
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

        try (StepBenchmark benchmark = StepBenchmark.onLatents(run.config(), pipeline)) {
            StepBenchmark.Result result = benchmark.run(3);

            assertThat(result.images()).isEqualTo(3 * TinyRun.BATCH);
            assertThat(result.imagesPerSecond().p10()).isPositive();
            assertThat(result.imagesPerSecond().median())
                    .isBetween(
                            result.imagesPerSecond().p10(),
                            result.imagesPerSecond().p90());
            assertThat(result.cpuSeconds()).isPositive();
            assertThat(result.peakRssBytes()).isGreaterThan(50L << 20);
            assertThat(result.teraflops())
                    .isEqualTo(result.forecast().flops().perExample()
                            * result.imagesPerSecond().median()
                            / 1e12);
            assertThat(result.peakTeraflops()).as("of a CPU nothing is known").isEmpty();
        }
    }

    @Test
    void onLatentsNothingIsEncoded() {
        TinyRun run = TinyRun.denoising(folder);
        PipelineDirectory pipeline = PipelineDirectory.open(run.fresh().pipeline());

        try (StepBenchmark benchmark = StepBenchmark.onLatents(run.config(), pipeline)) {
            StepBenchmark.Result result = benchmark.run(2);

            assertThat(result.stages())
                    .containsOnlyKeys(Stage.DATA, Stage.FORWARD, Stage.BACKWARD, Stage.OPTIMIZER, Stage.EMA);
            assertThat(result.forecast().flops().frozenMacs()).isZero();
            assertThat(result.forecast().memory().frozen()).isZero();
        }
    }

    @Test
    void onDataBatchesAreReadAndEncoded() {
        TinyRun run = TinyRun.denoising(folder);
        PipelineDirectory pipeline = PipelineDirectory.open(run.fresh().pipeline());
        AtomicInteger read = new AtomicInteger();

        try (StepBenchmark benchmark =
                StepBenchmark.onData(run.config(), pipeline, () -> TinyRun.batch(read.incrementAndGet(), 0))) {
            StepBenchmark.Result result = benchmark.run(2);

            assertThat(read).as("to warm up, for the rate and for the stages").hasValue(3 + 2 + 2);
            assertThat(result.stages())
                    .containsOnlyKeys(
                            Stage.DATA, Stage.ENCODE, Stage.FORWARD, Stage.BACKWARD, Stage.OPTIMIZER, Stage.EMA)
                    .allSatisfy((stage, seconds) -> assertThat(seconds.median()).isPositive());
            assertThat(result.forecast().flops().frozenMacs()).isPositive();
        }
    }

    @Test
    void theAutoencoderIsRefusedInOneLine() {
        TinyRun run = TinyRun.denoising(folder);
        PipelineDirectory pipeline = PipelineDirectory.open(run.fresh().pipeline());

        assertThatThrownBy(() -> StepBenchmark.onLatents(run.autoencoder().config(), pipeline))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("objective.target=autoencoder");
    }
}

package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.sun.jna.Platform;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One case of {@code proofs/memory.sh}, small. */
class ActivationMemoryProcessTest {

    /** Freed tensors leave the process, and the heap does not grow meanwhile. */
    private static final Map<String, String> ENVIRONMENT = Map.of(
            "MALLOC_ARENA_MAX", "1",
            "MALLOC_MMAP_THRESHOLD_", "65536",
            "MALLOC_TRIM_THRESHOLD_", "65536",
            "JAVA_TOOL_OPTIONS", "-Xms256m -Xmx256m -XX:+AlwaysPreTouch");

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theForecastIsWithinTenPercentOfWhatTheProcessTakes(boolean checkpointing) throws Exception {
        assumeThat(Platform.isLinux()).isTrue();

        RekindleProcess process = RekindleProcess.startWith(
                ENVIRONMENT,
                folder,
                "bench",
                "step",
                "--steps=1",
                "config=" + CommandRun.TINY,
                "experiment.log_dir=" + folder,
                "model.unet.params.block_out_channels=[64, 128]",
                "model.unet.params.norm_num_groups=32",
                "model.unet.params.layers_per_block=2",
                "dataset.params.resolution=32",
                "system.batch_size=32",
                "model.gradient_checkpointing=" + checkpointing);
        process.awaitSuccess();
        JsonNode figures = new JsonMapper()
                .readTree(process.output().lines().reduce((first, last) -> last).orElseThrow());

        assertThat(figures.get("forecast_activation_bytes").asDouble())
                .isCloseTo(figures.get("step_rss_bytes").asDouble(), withinPercentage(10));
    }
}

package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchStepTest {

    @TempDir
    private Path folder;

    @Test
    void theLastLineHasWhatACpuTells() throws Exception {
        JsonNode onData = lastLine("--data");
        JsonNode onLatents = lastLine();

        for (JsonNode figures : List.of(onData, onLatents)) {
            assertThat(figures.get("images").asInt()).isEqualTo(2 * 4);
            assertThat(figures.get("images_per_s").asDouble())
                    .isBetween(
                            figures.get("images_per_s_p10").asDouble(),
                            figures.get("images_per_s_p90").asDouble());
            assertThat(figures.get("teraflops").asDouble()).isPositive();
            assertThat(figures.get("forecast_bytes").asLong())
                    .isGreaterThan(figures.get("forecast_activation_bytes").asLong());
            assertThat(figures.has("peak_fraction")).as("no peak is guessed").isFalse();
            assertThat(figures.has("device_bytes")).isFalse();
            assertThat(figures.at("/stage_ms/backward/median").asDouble()).isPositive();
        }
        assertThat(onData.at("/stage_ms/encode/median").asDouble()).isPositive();
        assertThat(onLatents.get("stage_ms").has("encode")).isFalse();
        assertThat(onData.get("forecast_bytes").asLong())
                .as("with the encoders' weights")
                .isGreaterThan(onLatents.get("forecast_bytes").asLong());
    }

    private JsonNode lastLine(String... flags) throws Exception {
        List<String> arguments = new ArrayList<>(List.of("bench", "step", "--steps=2"));
        arguments.addAll(List.of(flags));
        arguments.addAll(List.of("config=" + CommandRun.TINY, "experiment.log_dir=" + folder));
        CommandRun run = CommandRun.of(arguments.toArray(String[]::new));
        assertThat(run.code()).as(run.err()).isZero();
        return new JsonMapper()
                .readTree(run.out().lines().reduce((first, second) -> second).orElseThrow());
    }
}

package org.rekindle.worker.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rekindle.worker.training.Gpu;
import org.rekindle.worker.training.Spread;
import org.rekindle.worker.training.Stage;
import org.rekindle.worker.training.StepBenchmark;
import org.rekindle.worker.training.StepMemory;

/**
 * What {@code bench step} says, for people and as JSON. What the device does not tell is left out.
 *
 * @param device name of the GPU
 * @param peakFraction of the operations per second that the device is made for
 * @param deviceBytes memory of the GPU in use
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record StepFigures(
        long images,
        @JsonProperty("images_per_s") double imagesPerSecond,
        @JsonProperty("images_per_s_p10") double slow,
        @JsonProperty("images_per_s_p90") double fast,
        double cpuSeconds,
        double teraflops,
        String device,
        Double peakFraction,
        long peakRssBytes,
        Long stepRssBytes,
        Long deviceBytes,
        long forecastBytes,
        long forecastActivationBytes,
        Map<String, Spread> stageMs) {

    static StepFigures of(StepBenchmark.Result result) {
        Spread rate = result.imagesPerSecond();
        Gpu gpu = result.gpu();
        StepMemory memory = result.forecast().memory();
        return new StepFigures(
                result.images(),
                rate.median(),
                rate.p10(),
                rate.p90(),
                result.cpuSeconds(),
                result.teraflops(),
                gpu == null ? null : gpu.name(),
                result.peakTeraflops().map(peak -> result.teraflops() / peak).orElse(null),
                result.peakRssBytes(),
                result.stepRssBytes(),
                gpu == null ? null : gpu.usedBytes(),
                memory.total(),
                memory.activations(),
                milliseconds(result.stages()));
    }

    private static Map<String, Spread> milliseconds(Map<Stage, Spread> stages) {
        Map<String, Spread> byName = new LinkedHashMap<>();
        stages.forEach((stage, seconds) -> byName.put(
                stage.name().toLowerCase(Locale.ROOT),
                new Spread(1000 * seconds.p10(), 1000 * seconds.median(), 1000 * seconds.p90())));
        return byName;
    }

    List<String> lines() {
        Table table = new Table();
        table.row("", "median (10th to 90th percentile)");
        table.row("images/s", "%.1f (%.1f to %.1f)", imagesPerSecond, slow, fast);
        table.row(
                "operations",
                "%s/s%s",
                Table.metric(1e12 * teraflops, "FLOP"),
                peakFraction == null ? "" : Table.text(", %.1f %% of what %s is made for", 100 * peakFraction, device));
        table.row("peak memory", "%s resident", Table.metric(peakRssBytes, "B"));
        if (deviceBytes != null) {
            table.more("%s of %s, with all that others have there", Table.metric(deviceBytes, "B"), device);
        }
        table.more(
                "%s forecast, %s of it activations; libraries and what they take apart",
                Table.metric(forecastBytes, "B"), Table.metric(forecastActivationBytes, "B"));
        stageMs.forEach((stage, ms) ->
                table.row(stage.replace('_', ' '), "%.2f ms (%.2f to %.2f)", ms.median(), ms.p10(), ms.p90()));
        return table.lines();
    }
}

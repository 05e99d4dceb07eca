package org.rekindle.worker.cli;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;
import org.apache.pekko.actor.ActorSystem;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.lanes.Bottleneck;
import org.rekindle.data.lanes.DataBenchmark;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.PipelineInit;
import org.rekindle.worker.training.StepBenchmark;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rekindle bench}: its last line on stdout is JSON. */
@Command(name = "bench", description = "Times a part of the training; the last line on stdout is JSON.")
final class BenchCommand {

    /** What all benchmarks print. */
    record Line(
            long images, @JsonProperty("images_per_s") double imagesPerSecond, double cpuSeconds, long peakRssBytes) {}

    @Command(
            name = "step",
            description = "Times training steps of the UNet on random latents: bench step config=FILE [key=value...]")
    int step(
            @Option(names = "--steps", defaultValue = "30", description = "steps to time (default: ${DEFAULT-VALUE})")
                    int steps,
            @Mixin KeyValues keyValues)
            throws IOException {
        if (steps < 1) {
            throw new UserException("bench step: --steps=" + steps + ", allowed is at least 1");
        }
        RunConfig config = ConfigReader.read(keyValues.list());
        RunShards.prepare(config.dataset(), System.out::println);
        Path folder = Files.createTempDirectory("rekindle-bench");
        try {
            PipelineDirectory pipeline = PipelineInit.init(
                    config.model(), config.dataset(), config.system().seed(), folder.resolve("pipeline"));
            StepBenchmark.Result result = StepBenchmark.run(config, pipeline, steps);
            System.out.println(Json.line(
                    new Line(result.images(), result.imagesPerSecond(), result.cpuSeconds(), result.peakRssBytes())));
        } finally {
            delete(folder);
        }
        return 0;
    }

    @Command(
            name = "data",
            description =
                    "Reads dataset.params.num_examples_to_see examples once: bench data config=FILE [key=value...]")
    int data(@Mixin KeyValues keyValues) {
        DatasetConfig dataset = ConfigReader.readDataset(keyValues.list());
        DataSet dataSet = RunShards.prepare(dataset, System.out::println);
        ActorSystem system = ActorSystem.create("bench");
        try {
            DataBenchmark.Result result = DataBenchmark.run(system, dataSet);
            Bottleneck.table(result.counts()).forEach(System.out::println);
            System.out.println(Bottleneck.advice(result.counts()));
            System.out.println(Json.line(
                    new Line(result.images(), result.imagesPerSecond(), result.cpuSeconds(), result.peakRssBytes())));
        } finally {
            system.terminate();
        }
        return 0;
    }

    static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}

package org.rekindle.worker.cli;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.stream.Stream;
import org.apache.pekko.actor.ActorSystem;
import org.rekindle.coordinator.config.CommandOptions;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.DistributedConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.steps.BarrierBenchmark;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.lanes.Bottleneck;
import org.rekindle.data.lanes.DataBenchmark;
import org.rekindle.data.lanes.DecodeThreads;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.lanes.LaneFeed;
import org.rekindle.data.lanes.LanePlan;
import org.rekindle.worker.collectives.RingBenchmark;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.PipelineInit;
import org.rekindle.worker.training.NcclBenchmark;
import org.rekindle.worker.training.Spread;
import org.rekindle.worker.training.StepBenchmark;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rekindle bench}: its last line on stdout is JSON. */
@Command(name = "bench", description = "Times a part of the training; the last line on stdout is JSON.")
final class BenchCommand {

    /** What {@code bench data} prints; {@code bench step} prints it too, among more. */
    record Line(
            long images, @JsonProperty("images_per_s") double imagesPerSecond, double cpuSeconds, long peakRssBytes) {}

    @Command(
            name = "step",
            description = "Times training steps of the UNet on random latents, or on the run's data:"
                    + " bench step [--data] config=FILE [key=value...]")
    int step(
            @Option(names = "--steps", defaultValue = "30", description = "steps to time (default: ${DEFAULT-VALUE})")
                    int steps,
            @Option(
                            names = "--data",
                            description = "read the run's data set, with autoencoder and text encoder on line,"
                                    + " or none for dataset.type=Latents")
                    boolean onData,
            @Mixin KeyValues keyValues)
            throws IOException {
        if (steps < 1) {
            throw new UserException("bench step: --steps=" + steps + ", allowed is at least 1");
        }
        RunConfig config = ConfigReader.read(keyValues.list());
        DataSet dataSet = RunShards.prepare(config.dataset(), System.out::println);
        Path folder = Files.createTempDirectory("rekindle-bench");
        try {
            PipelineDirectory pipeline = PipelineInit.init(
                    config.model(), config.dataset(), config.system().seed(), folder.resolve("pipeline"));
            StepFigures figures = StepFigures.of(
                    onData ? onData(config, pipeline, dataSet, steps) : onLatents(config, pipeline, steps));
            figures.lines().forEach(System.out::println);
            System.out.println(Json.line(figures));
        } finally {
            delete(folder);
        }
        return 0;
    }

    private static StepBenchmark.Result onLatents(RunConfig config, PipelineDirectory pipeline, int steps) {
        try (StepBenchmark benchmark = StepBenchmark.onLatents(config, pipeline)) {
            return benchmark.run(steps);
        }
    }

    private static StepBenchmark.Result onData(
            RunConfig config, PipelineDirectory pipeline, DataSet dataSet, int steps) {
        ActorSystem system = ActorSystem.create("bench");
        ExecutorService decoders = DecodeThreads.start(dataSet.params().workers());
        LanePlan plan = new LanePlan(config.system().seed(), 1, dataSet.shards());
        try (LaneFeed feed = LaneFeed.open(system, dataSet, plan, 0, LaneCursor.START, decoders);
                StepBenchmark benchmark = StepBenchmark.onData(config, pipeline, feed::next)) {
            return benchmark.run(steps);
        } finally {
            decoders.shutdownNow();
            system.terminate();
        }
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

    record RingOptions(Integer workers, Integer mib, Integer times, String gradientDtype) {}

    @Command(
            name = "ring",
            description = "All-reduces a vector over loopback, beside plain copies through sockets:"
                    + " bench ring [workers=3] [mib=64] [times=10] [gradient_dtype=float32|bfloat16]")
    int ring(@Mixin KeyValues keyValues) throws IOException {
        RingOptions options = CommandOptions.read("bench ring", keyValues.list(), RingOptions.class);
        String type = options.gradientDtype() == null ? DistributedConfig.FLOAT32 : options.gradientDtype();
        if (!List.of(DistributedConfig.FLOAT32, DistributedConfig.BFLOAT16).contains(type)) {
            throw new UserException("bench ring: gradient_dtype=" + type + ", allowed are float32, bfloat16");
        }
        RingBenchmark.Result result = RingBenchmark.run(
                KeyValues.number("bench ring", "workers", options.workers(), 3, 2),
                KeyValues.number("bench ring", "mib", options.mib(), 64, 1) << 20,
                KeyValues.number("bench ring", "times", options.times(), 10, 1),
                type.equals(DistributedConfig.BFLOAT16));
        System.out.printf(
                Locale.ROOT,
                "each link carries %.2f of what a plain copy does alone, %.2f of what it does when all links copy%n",
                result.linkGigabytesPerSecond() / result.socketGigabytesPerSecond(),
                result.linkGigabytesPerSecond() / result.busySocketGigabytesPerSecond());
        System.out.println(Json.line(result));
        return 0;
    }

    record NcclOptions(Integer workers, Integer mib, Integer times) {}

    @Command(
            name = "nccl",
            description = "All-reduces a vector between the GPUs of this machine:"
                    + " bench nccl [workers=GPUS] [mib=64] [times=20]")
    int nccl(@Mixin KeyValues keyValues) {
        NcclOptions options = CommandOptions.read("bench nccl", keyValues.list(), NcclOptions.class);
        NcclBenchmark.Result result = NcclBenchmark.run(
                options.workers(),
                KeyValues.number("bench nccl", "mib", options.mib(), 64, 1) << 20,
                KeyValues.number("bench nccl", "times", options.times(), 20, 1));
        System.out.printf(
                Locale.ROOT,
                "%,d bytes between %d GPUs: %s GB/s, each link %s GB/s; median (10th to 90th percentile)%n",
                result.bytes(),
                result.worldSize(),
                spread(result.gigabytesPerSecond()),
                spread(result.busGigabytesPerSecond()));
        System.out.println(Json.line(result));
        return 0;
    }

    private static String spread(Spread rate) {
        return String.format(Locale.ROOT, "%.1f (%.1f to %.1f)", rate.median(), rate.p10(), rate.p90());
    }

    record BarrierOptions(Integer workers, Integer nodes, Integer steps) {}

    @Command(
            name = "barrier",
            description =
                    "Times the commit of steps that compute nothing: bench barrier [workers=64] [nodes=3] [steps=300]")
    int barrier(@Mixin KeyValues keyValues) throws IOException, InterruptedException {
        BarrierOptions options = CommandOptions.read("bench barrier", keyValues.list(), BarrierOptions.class);
        Path folder = Files.createTempDirectory("rekindle-bench");
        try {
            BarrierBenchmark.Result result = BarrierBenchmark.run(
                    KeyValues.number("bench barrier", "workers", options.workers(), 64, 1),
                    KeyValues.number("bench barrier", "nodes", options.nodes(), 3, 1),
                    KeyValues.number("bench barrier", "steps", options.steps(), 300, 1),
                    folder);
            System.out.println(Json.line(result));
        } finally {
            delete(folder);
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

package org.rekindle.worker.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.rekindle.coordinator.config.CommandOptions;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.Sha256;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.latents.LatentsKey;
import org.rekindle.data.shards.ShardMaker;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Shard;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.PipelineHashes;
import org.rekindle.worker.pipeline.PipelineInit;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.training.LatentsSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rekindle latents}. */
@Command(
        name = "latents",
        description =
                "Encodes a run's data set once, for dataset.type=Latents: latents config=FILE out='data/latents-{0000..9999}.tar'"
                        + " [pipeline=DIR] [dtype=bf16|fp16|fp32] [batch_size=N] [examples_per_shard=N] [key=value...]."
                        + " The same command goes on where it was stopped.")
final class LatentsCommand implements Callable<Integer> {

    private static final List<String> OWN = List.of("out", "pipeline", "dtype", "batch_size", "examples_per_shard");

    @Mixin
    private KeyValues keyValues;

    record Options(String out, String pipeline, String dtype, Integer batchSize, Integer examplesPerShard) {

        Options {
            dtype = dtype == null ? "bf16" : dtype;
            batchSize = batchSize == null ? 16 : batchSize;
            examplesPerShard = examplesPerShard == null ? 10_000 : examplesPerShard;
            if (batchSize < 1) {
                throw new UserException("latents: batch_size=" + batchSize + ", allowed is at least 1");
            }
        }

        /** Its name in a safetensors file. */
        String element() {
            return switch (dtype) {
                case "bf16" -> "BF16";
                case "fp16" -> "F16";
                case "fp32" -> "F32";
                default -> throw new UserException("latents: dtype=" + dtype + ", allowed are bf16, fp16 and fp32");
            };
        }
    }

    @Override
    public Integer call() throws IOException {
        Options options = CommandOptions.read(
                "latents",
                keyValues.list().stream().filter(LatentsCommand::isOwn).toList(),
                Options.class,
                "out");
        options.element();
        RunConfig config = ConfigReader.read(
                keyValues.list().stream().filter(argument -> !isOwn(argument)).toList());
        requireEncodable(config.dataset());
        DataSet dataSet = RunShards.prepare(config.dataset(), System.out::println);
        Torch.init(config.system().threads());
        if (options.pipeline() != null) {
            encode(config, dataSet, PipelineDirectory.open(Path.of(options.pipeline())), options);
            return 0;
        }
        Path folder = Files.createTempDirectory("rekindle-latents");
        try {
            PipelineDirectory pipeline = PipelineInit.init(
                    config.model(), config.dataset(), config.system().seed(), folder.resolve("pipeline"));
            encode(config, dataSet, pipeline, options);
        } finally {
            BenchCommand.delete(folder);
        }
        return 0;
    }

    private static boolean isOwn(String argument) {
        return OWN.stream().anyMatch(key -> argument.startsWith(key + "="));
    }

    private static void requireEncodable(DatasetConfig dataset) {
        DatasetConfig.Params params = dataset.params();
        if (params.randomCrop() || params.horizontalFlip() || params.buckets() != null) {
            throw new UserException("latents: dataset.params.random_crop, horizontal_flip and buckets cannot be had of"
                    + " precomputed latents; set them to false and null, or train on the images");
        } else if (dataset.type().equals(DatasetConfig.LATENTS)) {
            throw new UserException("latents: dataset.type is Latents already; name the shards of images");
        }
    }

    private static void encode(RunConfig config, DataSet dataSet, PipelineDirectory pipeline, Options options) {
        LatentsKey key = PipelineHashes.of(
                pipeline, options.element(), config.dataset().params().resolution());
        ComputeType type =
                config.model().mixedPrecision().equals(ModelConfig.BF16) ? ComputeType.BF16 : ComputeType.FP32;
        LatentsSource source = new LatentsSource(dataSet, pipeline, key, type, options.batchSize());
        ShardMaker.Options shards = new ShardMaker.Options(options.examplesPerShard(), null, null, null, null, null, 1);
        String recipe = Sha256.of(key + " " + type + " " + options.examplesPerShard() + " " + input(dataSet));
        try (CountProgress progress = CountProgress.ofExamples()) {
            ShardMaker.Made made = ShardMaker.make(source, options.out(), shards, recipe, progress::done);
            System.out.printf(
                    "%d examples in %d shards, %d skipped%n",
                    made.examples(), made.shards().size(), made.skipped());
        }
    }

    /** All that decides which examples are encoded, and with which captions. */
    private static String input(DataSet dataSet) {
        DatasetConfig.Params params = dataSet.params();
        StringBuilder input = new StringBuilder(dataSet.config().type());
        try {
            for (JsonNode classes : Arrays.asList(params.classMapping(), params.idxToPrompt())) {
                boolean file = classes != null && classes.isTextual();
                input.append(' ').append(file ? Sha256.of(Path.of(classes.textValue())) : classes);
            }
            input.append(' ')
                    .append(new TreeMap<>(params.filters()))
                    .append(' ')
                    .append(params.fields());
            input.append(' ').append(params.onShardError()).append(' ').append(params.maxImagePixels());
            for (Shard shard : dataSet.shards()) {
                // Of a remote shard only its store would know.
                long length = shard instanceof LocalShard ? shard.length() : -1;
                input.append('\n').append(shard.location()).append(' ').append(length);
            }
            return input.toString();
        } catch (IOException e) {
            throw new UserException(
                    "latents: a shard or the class mapping cannot be read (" + UserException.reason(e) + ")", e);
        }
    }
}

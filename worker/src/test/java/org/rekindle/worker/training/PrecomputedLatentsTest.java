package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.config.ValidationConfig;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.FieldsConfig;
import org.rekindle.data.formats.ReadListener;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.lanes.BatchContent;
import org.rekindle.data.lanes.HeldOutExamples;
import org.rekindle.data.latents.EncodedExample;
import org.rekindle.data.latents.LatentsKey;
import org.rekindle.data.shards.ShardExample;
import org.rekindle.data.shards.ShardMaker;
import org.rekindle.data.shards.ShardRecipe;
import org.rekindle.data.shards.ShardSource;
import org.rekindle.data.shards.ShardWriter;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.PipelineHashes;
import org.rekindle.worker.pipeline.TinyPipeline;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;

/** Seven shapes, encoded by the tiny pipeline. */
class PrecomputedLatentsTest {

    private static final int SIDE = 32;

    @TempDir
    private Path folder;

    private TinyRun run;
    private Checkpoint start;
    private PipelineDirectory pipeline;
    private Path images;

    @BeforeEach
    void make() {
        run = TinyRun.denoising(folder);
        start = run.fresh();
        pipeline = PipelineDirectory.open(start.pipeline());
        images = folder.resolve("images.tar");
        new ShardRecipe("shapes", null, 7, 1L, null, null, null, SIDE, null, null, null).make(images.toString());
    }

    private static DatasetConfig dataset(String type, Path path) {
        return new DatasetConfig(
                type,
                new DatasetConfig.Params(path.toString(), TinyRun.BATCH, null, null, SIDE, null, null, null),
                null);
    }

    private LatentsSource source(Path shard, String dtype) {
        LatentsKey key = PipelineHashes.of(pipeline, dtype, SIDE);
        return new LatentsSource(DataSet.open(dataset(null, shard)), pipeline, key, ComputeType.FP32, 3);
    }

    private static ShardMaker.Made write(ShardSource source, Path pattern, int examplesPerShard) {
        return ShardMaker.make(
                source,
                pattern.toString(),
                new ShardMaker.Options(examplesPerShard, null, null, null, null, null, 1),
                "recipe",
                written -> {});
    }

    private Path latents(String dtype) {
        Path shard = folder.resolve(dtype + ".tar");
        write(source(images, dtype), shard, 100);
        return shard;
    }

    private RunConfig validated(DatasetConfig dataset) {
        RunConfig tiny = run.config();
        return new RunConfig(
                tiny.system(),
                tiny.distributed(),
                tiny.experiment(),
                tiny.optimizer(),
                tiny.model(),
                dataset,
                tiny.lrScheduler(),
                tiny.objective(),
                new ValidationConfig(dataset.params().path(), null, 2),
                null,
                null,
                null,
                null);
    }

    private double validationLoss(DatasetConfig dataset) {
        try (ModelSession session = ModelSession.open(validated(dataset), start, line -> {})) {
            return session.validationLoss(2).orElseThrow();
        }
    }

    private static List<Example> examples(Path shard) throws IOException {
        List<Example> examples = new ArrayList<>();
        try (ExampleReader reader =
                DataSet.open(dataset(DatasetConfig.LATENTS, shard)).all(ReadListener.NONE)) {
            for (Example example = reader.next(); example != null; example = reader.next()) {
                examples.add(example.withImage(
                        example.image() == null ? null : example.image().kept()));
            }
        }
        return examples;
    }

    @Test
    void theValidationLossIsThatOfTheImages() {
        double online = validationLoss(dataset(null, images));

        assertThat(validationLoss(dataset(DatasetConfig.LATENTS, latents("F32"))))
                .isCloseTo(online, within(1e-6 * online));
        assertThat(validationLoss(dataset(DatasetConfig.LATENTS, latents("F16"))))
                .isCloseTo(online, within(1e-3 * online));
        assertThat(validationLoss(dataset(DatasetConfig.LATENTS, latents("BF16"))))
                .isCloseTo(online, within(1e-2 * online));
    }

    @Test
    void aCommandThatWasStoppedGoesOnWithTheSameBytes() throws IOException {
        Path whole = folder.resolve("whole-{0..9}.tar");
        write(source(images, "BF16"), whole, 3);
        Path stopped = folder.resolve("stopped-{0..9}.tar");
        LatentsSource source = source(images, "BF16");
        ShardSource failing = new ShardSource() {
            @Override
            public Stream<ShardExample> examples() {
                return source.examples().peek(example -> {
                    if (example.key().equals("000000006")) {
                        throw new UserException("stopped");
                    }
                });
            }
        };
        assertThatThrownBy(() -> write(failing, stopped, 3)).hasMessage("stopped");
        Path first = folder.resolve("stopped-0.tar");
        assertThat(first).exists();
        assertThat(folder.resolve("stopped-1.tar")).doesNotExist();
        var written = Files.getLastModifiedTime(first);

        ShardMaker.Made made = write(source, stopped, 3);

        assertThat(made.examples()).isEqualTo(7);
        assertThat(Files.getLastModifiedTime(first)).isEqualTo(written);
        for (int shard = 0; shard < 3; shard++) {
            assertThat(folder.resolve("stopped-" + shard + ".tar"))
                    .hasSameBinaryContentAs(folder.resolve("whole-" + shard + ".tar"));
        }
    }

    @Test
    void anotherAutoencoderTextEncoderOrTokenizerIsRefused() throws IOException {
        DatasetConfig latents = dataset(DatasetConfig.LATENTS, latents("F32"));
        for (String file : List.of(
                "vae/diffusion_pytorch_model.safetensors",
                "vae/config.json",
                "text_encoder/model.safetensors",
                "tokenizer/tokenizer_config.json")) {
            Path changed = start.pipeline().resolve(file);
            byte[] before = Files.readAllBytes(changed);
            byte[] after = before.clone();
            after[after.length - 1] ^= 1;
            Files.write(changed, file.endsWith(".json") ? (new String(before) + " ").getBytes() : after);
            assertThatThrownBy(() -> ModelSession.open(run.with(latents), start, line -> {}))
                    .as(file)
                    .isInstanceOf(UserException.class)
                    .hasMessageContainingAll(
                            "F32.tar: its latents are of the "
                                    + (file.startsWith("vae") ? "autoencoder" : "text encoder"),
                            "the run has",
                            "rekindle latents")
                    .hasMessageNotContaining("\n");
            Files.write(changed, before);
        }
        ModelSession.open(run.with(latents), start, line -> {}).close();
    }

    @Test
    void staleLatentsBehindFreshOnesAreRefusedToo() throws IOException, ImageException {
        Path fresh = latents("F32");
        EncodedExample first =
                EncodedExample.read(examples(fresh).get(0).image().read());
        LatentsKey other = new LatentsKey("0".repeat(64), first.key().textEncoder(), "F32", SIDE);
        byte[] stale = new EncodedExample(other, first.moments(), first.states()).toBytes();
        shard("stale.tar", example("a", stale, null));
        DatasetConfig both = dataset(DatasetConfig.LATENTS, Path.of(fresh + "::" + folder.resolve("stale.tar")));
        assertThatThrownBy(() -> ModelSession.open(run.with(both), start, line -> {}))
                .hasMessageContainingAll("stale.tar: its latents are of the autoencoder 000000000000");

        Path mixed = shard("mixed.tar", example("a", first.toBytes(), null), example("b", stale, null));
        assertThatThrownBy(() -> batches(mixed))
                .isInstanceOf(UserException.class)
                .hasMessageContainingAll("mixed.tar#b has latents of autoencoder 000000000000", "mixed.tar#a of");
    }

    @Test
    void damagedAndMissingMembersAreLeftOut() throws IOException, ImageException {
        List<Example> whole = examples(latents("F16"));
        byte[] good = whole.get(0).image().read();
        byte[] cut = Arrays.copyOf(good, good.length - 1);
        Path shard = shard(
                "odd.tar",
                example("cut", cut, null),
                example("empty", new byte[0], null),
                example("good", good, null),
                example("more captions", good, captions("one", "two")),
                new ShardExample("none", new byte[] {1}, "bin", "no latents", null),
                example("good again", good, captions("one")));

        List<BatchContent> batches = batches(shard);

        assertThat(batches).hasSize(1);
        assertThat(((BatchContent.Encoded) batches.get(0)).moments().shape()).startsWith(2);
        ModelSession.open(run.with(dataset(DatasetConfig.LATENTS, shard)), start, line -> {})
                .close();
        Path nothing = shard("nothing.tar", example("cut", cut, null));
        assertThatThrownBy(
                        () -> ModelSession.open(run.with(dataset(DatasetConfig.LATENTS, nothing)), start, line -> {}))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("no example has a whole member KEY.latents.safetensors");
    }

    @Test
    void eachOfSeveralCaptionsHasItsStates() throws IOException, ImageException {
        byte[] png = png();
        Path shard = shard(
                "captions.tar",
                new ShardExample("one", png, "png", "a red circle", captions("no", "such")),
                new ShardExample("two", png, "png", "a blue star", null));
        Path broken = shard("broken.tar", new ShardExample("three", png, "png", "a green ring", null));
        DatasetConfig.Params params =
                new DatasetConfig.Params(shard + "::" + broken, 2, null, null, SIDE, null, null, null);
        Path several = folder.resolve("several.tar");
        LatentsKey key = PipelineHashes.of(pipeline, "F32", SIDE);
        DataSet dataSet = DataSet.open(new DatasetConfig(null, params, null));
        write(new LatentsSource(dataSet, pipeline, key, ComputeType.FP32, 2), several, 10);
        // The metadata's own list is not what was encoded.
        assertThat(examples(several))
                .extracting(Example::captions)
                .containsExactly(List.of("a red circle"), List.of("a blue star"), List.of("a green ring"));

        Path listed =
                shard("listed.tar", new ShardExample("a", png, "png", "-", captions("a red circle", "a blue star")));
        Path encoded = folder.resolve("listed-latents.tar");
        DataSet ofLists = DataSet.open(new DatasetConfig(null, withCaptionsOfMetadata(listed), null));
        write(new LatentsSource(ofLists, pipeline, key, ComputeType.FP32, 1), encoded, 10);
        Example example = examples(encoded).get(0);
        assertThat(example.captions()).containsExactly("a red circle", "a blue star");
        EncodedExample states = EncodedExample.read(example.image().read());
        assertThat(states.states().shape()).containsExactly(2, 16, 16);
        assertThat(states.moments().shape()).containsExactly(8, 16, 16);
        try (NDManager manager = Torch.manager();
                OnlineEncoders online = OnlineEncoders.open(manager, pipeline, ComputeType.FP32, 2)) {
            float[] expected = online.states(manager, example.captions()).toFloatArray();
            float[] stored = new float[expected.length];
            ByteBuffer.wrap(states.states().bytes())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .get(stored);
            assertThat(stored).containsExactly(expected, within(1e-5f));
        }
    }

    @Test
    void malformedMetadataAreLeftOutAndTheImageIsNot() throws IOException {
        byte[] notJson = "{".getBytes(StandardCharsets.UTF_8);
        Path shard = shard(
                "metadata.tar",
                new ShardExample("a", notJson, "json", "a red circle", null),
                new ShardExample("a", png(), "png", "of the next example, which has no image", null));
        Path encoded = folder.resolve("metadata-latents.tar");

        assertThat(write(source(shard, "BF16"), encoded, 10).examples()).isEqualTo(1);
        assertThat(examples(encoded).get(0).captions()).containsExactly("a red circle");
        assertThat(examples(encoded).get(0).metadata()).isNull();
    }

    @Test
    void aCopyHasTheSameHashes() throws IOException {
        LatentsKey key = PipelineHashes.of(pipeline, "F32", SIDE);
        Files.write(start.pipeline().resolve("vae/diffusion_pytorch_model.fp16.safetensors"), new byte[3]);
        Path copy = folder.resolve("elsewhere");
        pipeline.copyTo(copy, Map.of());

        assertThat(PipelineHashes.of(PipelineDirectory.open(copy), "F32", SIDE)).isEqualTo(key);
        assertThat(PipelineHashes.of(pipeline, "F32", SIDE)).isEqualTo(key);
        assertThat(PipelineHashes.of(TinyPipeline.write(folder.resolve("other"), 2), "F32", SIDE)
                        .vae())
                .isNotEqualTo(key.vae());
    }

    @Test
    void aShardThatCannotBeHadEndsTheCommand() throws IOException {
        try (var channel = Files.newByteChannel(images, StandardOpenOption.WRITE)) {
            channel.truncate(Files.size(images) / 2 / 512 * 512 + 100);
        }
        assertThat(write(source(images, "BF16"), folder.resolve("damaged.tar"), 100)
                        .examples())
                .as("what is damaged stays so, and is left out")
                .isBetween(1L, 6L);
        DatasetConfig.Params stopping = new DatasetConfig.Params(
                images.toString(),
                2,
                null,
                null,
                SIDE,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                DatasetConfig.Params.STOP,
                null,
                null,
                null,
                null);
        DataSet dataSet = DataSet.open(new DatasetConfig(null, stopping, null));
        LatentsKey key = PipelineHashes.of(pipeline, "F32", SIDE);
        assertThatThrownBy(() -> write(
                        new LatentsSource(dataSet, pipeline, key, ComputeType.FP32, 1),
                        folder.resolve("stop.tar"),
                        100))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("on_shard_error");
        assertThat(folder.resolve("stop.tar")).doesNotExist();
    }

    private static DatasetConfig.Params withCaptionsOfMetadata(Path shard) {
        var fields = new FieldsConfig(null, "json.captions", null, null);
        return new DatasetConfig.Params(
                shard.toString(),
                2,
                null,
                null,
                SIDE,
                null,
                null,
                null,
                fields,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null);
    }

    private static List<BatchContent> batches(Path shard) {
        List<BatchContent> batches = new ArrayList<>();
        new HeldOutExamples(DataSet.open(dataset(DatasetConfig.LATENTS, shard)), 100)
                .read((first, batch) -> batches.add(batch.content()));
        return batches;
    }

    private static ShardExample example(String key, byte[] member, ObjectNode json) {
        return new ShardExample(key, member, EncodedExample.SUFFIX, "a caption", json);
    }

    private static ObjectNode captions(String... captions) {
        ObjectNode json = TinyPipeline.json("{}");
        List.of(captions).forEach(json.putArray("captions")::add);
        return json;
    }

    private Path shard(String name, ShardExample... examples) {
        Path shard = folder.resolve(name);
        try (ShardWriter writer = new ShardWriter(shard)) {
            List.of(examples).forEach(writer::add);
            writer.publish();
        }
        return shard;
    }

    private byte[] png() throws IOException {
        try (ExampleReader reader = DataSet.open(dataset(null, images)).all(ReadListener.NONE)) {
            return reader.next().image().read();
        }
    }
}

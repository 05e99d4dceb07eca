package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroupFactory;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.io.LocalOutputFile;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every type of data set trains, in a process of its own: two epochs of eight pictures, of which the filter lets six pass. */
class DataSetTypesTest {

    private static final Path IMAGES = Path.of("../data-streams/src/test/resources/images");
    private static final int PICTURES = 8;

    @TempDir
    Path folder;

    @Test
    void parquet() throws Exception {
        MessageType schema = MessageTypeParser.parseMessageType("message pictures {required binary uid (STRING);"
                + " required group image {optional binary bytes; optional binary path (STRING);}"
                + " optional binary text (STRING); required double score;}");
        try (ParquetWriter<Group> writer = ExampleParquetWriter.builder(
                        new LocalOutputFile(folder.resolve("pictures.parquet")))
                .withConf(new PlainParquetConfiguration())
                .withType(schema)
                .build()) {
            for (int i = 0; i < PICTURES; i++) {
                Group row = new SimpleGroupFactory(schema)
                        .newGroup()
                        .append("uid", "p" + i)
                        .append("text", caption(i))
                        .append("score", score(i));
                row.addGroup("image").append("bytes", Binary.fromConstantByteArray(image(i)));
                writer.write(row);
            }
        }
        train("Parquet", "pictures.parquet");
    }

    @Test
    void csv() throws Exception {
        StringBuilder csv = new StringBuilder("path,caption,score\n");
        for (int i = 0; i < PICTURES; i++) {
            csv.append(IMAGES.resolve(name(i)).toAbsolutePath())
                    .append(",\"")
                    .append(caption(i))
                    .append("\",");
            csv.append(score(i)).append('\n');
        }
        Files.writeString(folder.resolve("pictures.csv"), csv);
        train("Csv", "pictures.csv");
    }

    @Test
    void classification() throws Exception {
        try (TarFile tar = new TarFile(folder.resolve("pictures.tar"))) {
            for (int i = 0; i < PICTURES; i++) {
                tar.image("p" + i, name(i))
                        .member("p" + i + ".cls", Integer.toString(i % 2).getBytes())
                        .member("p" + i + ".json", ("{\"score\": " + score(i) + "}").getBytes());
            }
        }
        Files.writeString(folder.resolve("classes.json"), "{\"0\": \"a ramp\", \"1\": [\"a photo\", \"a picture\"]}");
        train(
                "ClassificationWebDataset",
                "pictures.tar",
                "dataset.params.class_mapping=" + folder.resolve("classes.json"));
    }

    @Test
    void bucketsFlipsAndCropsOverCompressedShards() throws Exception {
        Path plain = folder.resolve("plain.tar");
        try (TarFile tar = new TarFile(plain)) {
            for (int i = 0; i < PICTURES; i++) {
                tar.image("p" + i, name(i))
                        .caption("p" + i, caption(i))
                        .member("p" + i + ".json", ("{\"score\": " + score(i) + "}").getBytes());
            }
        }
        try (var out = new java.util.zip.GZIPOutputStream(Files.newOutputStream(folder.resolve("pictures.tar.gz")))) {
            Files.copy(plain, out);
        }
        train(
                "WebDataset",
                "pictures.tar.gz",
                "dataset.params.buckets={step: 8, max_aspect_ratio: 4}",
                "dataset.params.resolution=24",
                "dataset.params.random_crop=true",
                "dataset.params.horizontal_flip=true");
    }

    private static String name(int i) {
        return List.of("rgb.png", "rgb.jpg", "ramp.jpg", "lossy.webp").get(i % 4);
    }

    private static byte[] image(int i) throws IOException {
        return Files.readAllBytes(IMAGES.resolve(name(i)));
    }

    private static String caption(int i) {
        return "picture number " + i;
    }

    private static double score(int i) {
        return i / 10.0;
    }

    private void train(String type, String file, String... settings) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(
                "train",
                "config=" + CommandRun.TINY,
                "experiment.log_dir=" + folder,
                "experiment.num_examples_to_see=12",
                "system.batch_size=2",
                "system.gradient_accumulation=1",
                "dataset.make=null",
                "dataset.type=" + type,
                "dataset.params.path=" + folder.resolve(file),
                "dataset.params.filters={score: \"<=0.5\"}"));
        arguments.addAll(List.of(settings));
        RekindleProcess run = RekindleProcess.start(folder, arguments.toArray(String[]::new));
        run.awaitSuccess();
        List<String> metrics = Files.readAllLines(folder.resolve("tiny/metrics.jsonl"));
        assertThat(metrics).hasSize(6).allSatisfy(line -> assertThat(
                        new ObjectMapper().readTree(line).get("step_loss").doubleValue())
                .isFinite()
                .isPositive());
        JsonNode end = new RunFiles(folder.resolve("tiny")).steps().get(5).at("/lanes/0/1");
        assertThat(end.get("epoch").asInt())
                .as("six of eight pass, twice: %s", end)
                .isEqualTo(2);
    }
}

package org.rekindle.data.shards;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.CapturedLog;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.TestShards;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ReadListener;
import org.rekindle.data.formats.WebDatasetFormat;
import org.rekindle.data.images.ImageHeader;
import org.rekindle.data.stores.LocalShard;

class ShardMakerTest {

    @TempDir
    Path folder;

    @Test
    void dealsTheExamplesOutToAllShardsInTurn() throws IOException {
        ShardMaker.Made made = ShardMaker.make(examples(5), folder + "/out/s-{0..1}.tar", ShardMaker.Options.DEFAULT);
        assertThat(made.examples()).isEqualTo(5);
        assertThat(read(made.shards().get(0))).extracting(Example::key).containsExactly("k0", "k2", "k4");
        assertThat(read(made.shards().get(1))).extracting(Example::key).containsExactly("k1", "k3");
        assertThat(list(folder.resolve("out"))).containsExactly("s-0.tar", "s-1.tar");
    }

    @Test
    void fillsOneShardAfterTheOther() {
        ShardMaker.Made made = ShardMaker.make(examples(5), folder + "/s-{0..9}.tar", options(2, null, null));
        assertThat(made.shards()).hasSize(3);
        assertThat(read(made.shards().get(2))).extracting(Example::key).containsExactly("k4");
    }

    @Test
    void whatIsWrittenIsReadBack() throws IOException {
        ShardExample example = new ShardExample(
                "sub/größe",
                TestShards.image("rgb.jpg"),
                "jpg",
                "größer, \"als\" 日本",
                JsonNodeFactory.instance.objectNode().put("score", 0.5));
        ShardMaker.Made made = ShardMaker.make(() -> Stream.of(example), folder + "/s.tar", ShardMaker.Options.DEFAULT);
        Example read = read(made.shards().get(0)).get(0);
        assertThat(read.key()).isEqualTo("sub/größe");
        assertThat(read.image().read()).isEqualTo(example.image());
        assertThat(read.captions()).containsExactly(example.caption());
        assertThat(read.metadata().read().toString()).isEqualTo("{\"score\":0.5}");
    }

    @Test
    void theSameExamplesGiveTheSameBytes() throws IOException {
        ShardMaker.Options options = options(null, 8, "png");
        Path first = ShardMaker.make(examples(3), folder + "/a.tar", options)
                .shards()
                .get(0);
        Path second = ShardMaker.make(examples(3), folder + "/b.tar", options)
                .shards()
                .get(0);
        assertThat(Files.readAllBytes(first)).isEqualTo(Files.readAllBytes(second));
    }

    @Test
    void resizesToASquareOfTheGivenFormat() throws Exception {
        ShardMaker.Options options = options(null, 16, "jpg");
        Path shard = ShardMaker.make(examples(1), folder + "/a.tar", options)
                .shards()
                .get(0);
        ImageHeader header = ImageHeader.read(read(shard).get(0).image().read());
        assertThat(header).isEqualTo(new ImageHeader(ImageHeader.Format.JPG, 16, 16));
    }

    @Test
    void damagedImagesAreLeftOutWithAWarning() {
        ShardSource source = () -> Stream.concat(
                examples(1).examples(), Stream.of(new ShardExample("bad", new byte[0], "png", "bad", null)));
        try (CapturedLog log = new CapturedLog()) {
            ShardMaker.Made made = ShardMaker.make(source, folder + "/a.tar", ShardMaker.Options.DEFAULT);
            assertThat(made.examples()).isEqualTo(1);
            assertThat(made.skipped()).isEqualTo(1);
            assertThat(log.lines()).containsExactly("left out bad: the image has zero bytes");
        }
    }

    @Test
    void aFailureHalfWayLeavesNothingBehindAndOldShardsAlone() throws IOException {
        Path old = Files.writeString(folder.resolve("s-0.tar"), "old");
        ShardSource failing = () -> Stream.concat(examples(3).examples(), Stream.generate(() -> {
            throw new UserException("the source broke");
        }));
        assertThatThrownBy(() -> ShardMaker.make(failing, folder + "/s-{0..1}.tar", ShardMaker.Options.DEFAULT))
                .isInstanceOf(UserException.class)
                .hasMessage("the source broke");
        assertThat(list(folder)).containsExactly("s-0.tar");
        assertThat(old).hasContent("old");
    }

    @Test
    void aFullDiskIsOneLineAndLeavesNothingBehind() {
        // A device that refuses every byte, behind the name of the unfinished file.
        Path full = Path.of("/dev/full");
        org.junit.jupiter.api.Assumptions.assumeTrue(Files.exists(full));
        Path unfinished = folder.resolve(".s.tar.unfinished");
        assertThatThrownBy(() -> {
                    Files.createSymbolicLink(unfinished, full);
                    ShardMaker.make(examples(3), folder + "/s.tar", ShardMaker.Options.DEFAULT);
                })
                .isInstanceOf(UserException.class)
                .hasMessageContaining("s.tar cannot be written")
                .hasMessageContaining("No space left")
                .hasMessageNotContaining("\n");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void patternsThatDoNotFitTheSourceAreRefused() throws IOException {
        assertThatThrownBy(() -> ShardMaker.make(examples(2), folder + "/s-{0..4}.tar", ShardMaker.Options.DEFAULT))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("2 examples do not fill 5 shards");
        assertThatThrownBy(() -> ShardMaker.make(examples(5), folder + "/s-{0..1}.tar", options(2, null, null)))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("names 2 shards of 2 examples");
        assertThat(ShardMaker.make(examples(5), folder + "/s-{0..2}.tar", options(2, null, null))
                        .examples())
                .as("more names, and it goes on")
                .isEqualTo(5);
        assertThatThrownBy(() -> ShardMaker.make(Stream::empty, folder + "/s.tar", ShardMaker.Options.DEFAULT))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("the source is empty");
        assertThat(list(folder)).containsExactly("s-0.tar", "s-0.tar.make.json", "s-1.tar", "s-2.tar");
    }

    @Test
    void folderImagesAreCaptionedByTheTextBesideThem() throws IOException {
        Path images = Files.createDirectories(folder.resolve("images/sub"));
        Files.write(images.resolve("b.v2.PNG"), TestShards.image("rgb.png"));
        Files.writeString(images.resolve("b.v2.txt"), "a square\n");
        Files.writeString(images.resolve("b.v2.json"), "{\"score\": 1}");
        Files.write(images.resolve("b_v2.jpeg"), TestShards.image("rgb.jpg"));
        Files.writeString(images.resolve("b_v2.txt"), "another");
        Files.write(images.resolve("lonely.png"), TestShards.image("rgb.png"));
        try (CapturedLog log = new CapturedLog();
                Stream<ShardExample> source = new FolderSource(folder.resolve("images")).examples()) {
            List<ShardExample> examples = source.toList();
            assertThat(examples).extracting(ShardExample::key).containsExactly("sub/b_v2", "sub/b_v2_2");
            assertThat(examples).extracting(ShardExample::extension).containsExactly("png", "jpg");
            assertThat(examples).extracting(ShardExample::caption).containsExactly("a square", "another");
            assertThat(examples.get(0).json().get("score").intValue()).isEqualTo(1);
            assertThat(log.lines()).singleElement().asString().contains("lonely.png");
        }
    }

    @Test
    void aFolderWithoutImagesOrWithoutCaptionsIsRefused() throws IOException {
        FolderSource source = new FolderSource(folder);
        assertThatThrownBy(source::examples).isInstanceOf(UserException.class).hasMessageContaining("holds no jpg");
        Files.write(folder.resolve("a.png"), TestShards.image("rgb.png"));
        assertThatThrownBy(source::examples)
                .isInstanceOf(UserException.class)
                .hasMessageContaining("1 images, none with a caption");
        assertThatThrownBy(new FolderSource(folder.resolve("gone"))::examples).isInstanceOf(UserException.class);
        Files.writeString(folder.resolve("a.txt"), "a");
        Files.writeString(folder.resolve("a.json"), "{\"score\": ");
        assertThatThrownBy(() -> ShardMaker.make(source, folder + "/s.tar", ShardMaker.Options.DEFAULT))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("a.json is not JSON")
                .hasMessageNotContaining("\n");
    }

    @Test
    void csvRowsNameImagesBesideTheFile() throws IOException {
        Files.write(folder.resolve("a.png"), TestShards.image("rgb.png"));
        Path csv = Files.writeString(
                folder.resolve("list.csv"), "caption,other,path\n\"red, \"\"very\"\"\nred\",1,a.png\nplain,2,a.png\n");
        try (Stream<ShardExample> source = new CsvSource(csv).examples()) {
            List<ShardExample> examples = source.toList();
            assertThat(examples).extracting(ShardExample::key).containsExactly("000000001", "000000002");
            assertThat(examples.get(0).caption()).isEqualTo("red, \"very\"\nred");
            assertThat(examples.get(0).image()).isEqualTo(TestShards.image("rgb.png"));
        }
    }

    @Test
    void csvFilesThatDoNotFitAreRefusedByColumnOrRow() throws IOException {
        assertCsvFails("uid,caption\n1,x\n").hasMessageContaining("has the columns [uid, caption]");
        assertCsvFails("path,caption\ngone.png,x\n")
                .hasMessageContaining("row 1")
                .hasMessageContaining("gone.png");
        assertCsvFails("path,caption\na.gif,x\n").hasMessageContaining("row 1").hasMessageContaining("a.gif");
        assertCsvFails("path,caption\na.png\n").hasMessageContaining("row 1");
        assertCsvFails("path,caption\n\"a.png,x\n").hasMessageContaining("list.csv");
        assertCsvFails("").hasMessageContaining("list.csv");
    }

    @Test
    void statisticsTellExamplesResolutionsCaptionsAndAcceptance() {
        Path shard = new TestShards()
                .member("a.png", TestShards.image("rgb.png"))
                .member("a.txt", "four")
                .member("a.json", "{\"score\": 1, \"width\": 48}")
                .member("b.jpg", TestShards.image("rgb.jpg"))
                .member("b.json", "{\"score\": 9, \"width\": 48}")
                .member("c.png", "broken")
                .member("c.txt", "eight ch")
                .member("d.png", TestShards.image("pixel.png"))
                .member("d.txt", "x")
                .member("d.json", "{")
                .write(folder.resolve("s.tar"));
        ShardStatistics statistics = ShardStatistics.of(DataSet.of(
                new DatasetConfig(
                        null,
                        new DatasetConfig.Params(
                                "", null, null, null, null, Map.of("score", "<=5", "width", ">=48"), null, null),
                        null),
                LocalShard.of(List.of(shard))));
        assertThat(statistics)
                .isEqualTo(new ShardStatistics(
                        1,
                        shard.toFile().length(),
                        4,
                        3,
                        3,
                        13,
                        8,
                        Map.of("48x32", 2L, "1x1", 1L),
                        2,
                        Map.of("score<=5", 1L, "width>=48", 2L),
                        1));
    }

    private org.assertj.core.api.AbstractThrowableAssert<?, ? extends Throwable> assertCsvFails(String text)
            throws IOException {
        Path csv = Files.writeString(folder.resolve("list.csv"), text);
        return assertThatThrownBy(() -> {
                    try (Stream<ShardExample> source = new CsvSource(csv).examples()) {
                        source.toList();
                    }
                })
                .isInstanceOf(UserException.class)
                .hasMessageNotContaining("\n");
    }

    private static ShardMaker.Options options(Integer perShard, Integer resolution, String format) {
        return new ShardMaker.Options(perShard, null, null, resolution, format, null, null);
    }

    private static ShardSource examples(int count) {
        byte[] image = TestShards.image("rgb.png");
        return () ->
                IntStream.range(0, count).mapToObj(i -> new ShardExample("k" + i, image, "png", "caption " + i, null));
    }

    private static List<String> list(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static List<Example> read(Path shard) {
        List<Example> examples = new ArrayList<>();
        ReadListener listener = new ReadListener() {
            @Override
            public void corrupt(String where, String why) {
                throw new AssertionError(where + ": " + why);
            }
        };
        try (ExampleReader reader = WebDatasetFormat.DEFAULT.open(new LocalShard(shard), listener)) {
            for (Example example = reader.next(); example != null; example = reader.next()) {
                examples.add(example);
            }
        }
        return examples;
    }
}

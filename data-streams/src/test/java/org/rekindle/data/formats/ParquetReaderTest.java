package org.rekindle.data.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.LongPredicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.TestShards;
import org.rekindle.data.UserException;
import org.rekindle.data.filters.MetadataFilter;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Stores;

/** Files that DuckDB wrote, see src/test/python/make_table_goldens.sql. */
class ParquetReaderTest {

    @TempDir
    Path folder;

    private final List<String> corrupt = new ArrayList<>();
    private final ReadListener listener = new ReadListener() {
        @Override
        public void corrupt(String where, String why) {
            corrupt.add(where + ": " + why);
        }
    };

    private static ParquetFormat format(ClassPrompts classes) {
        return new ParquetFormat(TableColumns.of(null, classes), Stores.of(null));
    }

    private static Path file(String name) {
        try {
            return Path.of(
                    ParquetReaderTest.class.getResource("/tables/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private List<Example> read(ExampleFormat format, Path file, LongPredicate wanted, long first) {
        List<Example> examples = new ArrayList<>();
        try (ExampleReader reader = format.open(new LocalShard(file), wanted, first, listener)) {
            for (Example example = reader.next(); example != null; example = reader.next()) {
                try {
                    examples.add(
                            example.image() == null
                                    ? example
                                    : example.withImage(example.image().kept()));
                } catch (IOException e) {
                    corrupt.add(example.name() + " " + e.getMessage());
                }
            }
        }
        return examples;
    }

    /** What pyarrow wrote, {@code src/test/python/make_parquet.py}: pages of no value, structs with null bytes, null structs. */
    @Test
    void aHuggingFaceStructWithoutBytesNamesAPath() throws IOException {
        Path copy = Files.copy(file("huggingface.parquet"), folder.resolve("hf.parquet"));
        Files.write(folder.resolve("rgb.png"), TestShards.image("alpha.png"));
        List<Example> examples = read(format(null), copy, index -> true, 0);

        assertThat(examples).hasSize(21);
        assertThat(corrupt)
                .containsExactly("hf.parquet#key-3 has no image bytes", "hf.parquet#key-5 has no image bytes");
        assertThat(examples.get(0).captions()).containsExactly("caption 0", "other 0");
        assertThat(examples.get(1).image().read()).isEqualTo(TestShards.image("rgb.png"));
        assertThat(examples.get(2).name()).isEqualTo("hf.parquet#key-2");
        assertThat(examples.get(2).image().read()).as("the path's").isEqualTo(TestShards.image("alpha.png"));
    }

    @Test
    void aColumnOfBytesIsTheImageAndTheOthersAreMetadata() throws IOException {
        List<Example> examples = read(format(null), file("bytes.parquet"), index -> index != 2, 0);
        assertThat(examples).extracting(Example::index).containsExactly(0L, 1L, 3L, 4L, 5L, 6L);
        Example example = examples.get(1);
        assertThat(example.name()).isEqualTo("bytes.parquet#1");
        assertThat(example.captions()).containsExactly("row 1");
        assertThat(example.image().read()).isEqualTo(TestShards.image("rgb.png"));
        assertThat(example.metadata().read().toString())
                .isEqualTo(
                        "{\"id\":1,\"caption\":\"row 1\",\"score\":0.1,\"lang\":null,\"info\":{\"width\":48,\"tags\":[\"a\",\"b\"]}}");
        assertThat(accepted(examples, "score", "0.3..0.5")).containsExactly("3", "4", "5");
        assertThat(accepted(examples, "lang", "=='en'")).containsExactly("0", "4", "6");
        assertThat(accepted(examples, "info.tags.1", "=='b'")).hasSize(6);
        assertThat(corrupt).isEmpty();
    }

    private static List<String> accepted(List<Example> examples, String key, String expression) throws IOException {
        List<String> keys = new ArrayList<>();
        for (Example example : examples) {
            if (MetadataFilter.parse(key, expression).accepts(example.metadata().read())) {
                keys.add(example.key());
            }
        }
        return keys;
    }

    @Test
    void aStructOfBytesAListOfCaptionsAndAClass() throws IOException {
        Example example =
                read(format(null), file("struct.parquet"), index -> true, 0).get(4);
        assertThat(example.captions()).containsExactly("row 4", "other 4");
        assertThat(example.image().read()).isEqualTo(TestShards.image("rgb.png"));
        ClassPrompts classes = new ClassPrompts(Map.of("0", List.of("even", "an even one")));
        List<Example> labelled = read(format(classes), file("struct.parquet"), index -> true, 0);
        assertThat(labelled.get(2).captions()).containsExactly("even", "an even one");
        assertThat(labelled.get(3).captions()).isEmpty();
        assertThat(corrupt).hasSize(3).allSatisfy(line -> assertThat(line).contains("its class 1 has no prompt"));
    }

    @Test
    void pathsAreReadWhenTheyAreDueAndRelativeToTheTable() throws IOException {
        List<Example> examples = read(format(null), file("paths.parquet"), index -> true, 0);
        assertThat(examples).hasSize(7);
        assertThat(examples.get(2).image().read()).isEqualTo(TestShards.image("rgb.png"));
        assertThatThrownBy(() -> examples.get(3).image().read())
                .isInstanceOf(IOException.class)
                .hasMessageContaining("none.png cannot be read (no such file or folder)");
    }

    @Test
    void rowGroupsBeforeTheFirstWantedRowAreSkippedAndImagesFollow() throws IOException {
        List<Example> examples =
                read(format(null), file("groups.parquet"), index -> index >= 4500 && index % 100 == 3, 4500);
        assertThat(examples).extracting(Example::index).containsExactly(4503L, 4603L, 4703L, 4803L, 4903L);
        assertThat(new String(examples.get(4).image().read())).isEqualTo("image 4903");
        assertThat(examples.get(0).key()).isEqualTo("4503");
        List<Example> all = read(format(null), file("groups.parquet"), index -> true, 0);
        assertThat(all).hasSize(5000);
        assertThat(new String(all.get(2500).image().read())).isEqualTo("image 2500");
    }

    @Test
    void whatIsNoParquetFileIsRefusedInOneLine() throws IOException {
        Path text = Files.writeString(folder.resolve("a.parquet"), "id,caption\n".repeat(100));
        assertThatThrownBy(() -> format(null).require(new LocalShard(text)))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("a.parquet is no whole Parquet file")
                .hasMessageNotContaining("\n");
        DatasetConfig.Params params =
                new DatasetConfig.Params(file("bytes.parquet").toString(), 1, null, null, null, null, null, null);
        assertThat(DataSet.open(new DatasetConfig("Parquet", params, null)).shards())
                .hasSize(1);
        Path gone = folder.resolve("gone.parquet");
        assertThatThrownBy(() -> format(null).open(new LocalShard(gone), listener))
                .isInstanceOf(ShardFailure.class)
                .satisfies(e -> assertThat(((ShardFailure) e).isDamage()).isFalse());
        FieldsConfig fields = new FieldsConfig("picture", null, null, null);
        assertThatThrownBy(() -> new ParquetFormat(TableColumns.of(fields, null), Stores.of(null))
                        .require(new LocalShard(file("bytes.parquet"))))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(
                        "expected one of [picture] for the image: name it in dataset.params.fields.image");
    }

    /** 400 of them, none of which may do more than fail in one line. */
    @Test
    void anyDamageIsAShardFailure() throws IOException {
        byte[] whole = Files.readAllBytes(file("struct.parquet"));
        Random random = new Random(5);
        for (int i = 0; i < 400; i++) {
            byte[] bytes = whole.clone();
            if (i % 4 == 0) {
                bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            } else {
                for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
                }
            }
            Path file = Files.write(folder.resolve("x.parquet"), bytes);
            try {
                read(format(null), file, index -> true, 0);
            } catch (ShardFailure e) {
                assertThat(e.getMessage()).contains("x.parquet").doesNotContain("\n");
            }
        }
    }
}

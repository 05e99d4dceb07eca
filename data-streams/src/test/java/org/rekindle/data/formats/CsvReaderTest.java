package org.rekindle.data.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.TestShards;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Stores;

class CsvReaderTest {

    @TempDir
    Path folder;

    private final List<String> corrupt = new ArrayList<>();
    private final ReadListener listener = new ReadListener() {
        @Override
        public void corrupt(String where, String why) {
            corrupt.add(where + ": " + why);
        }
    };

    @BeforeEach
    void image() throws IOException {
        Files.write(folder.resolve("a.png"), TestShards.image("rgb.png"));
    }

    private List<Example> read(String name, String text, ClassPrompts classes) throws IOException {
        Path file = Files.write(folder.resolve(name), text.getBytes(StandardCharsets.UTF_8));
        CsvFormat format = new CsvFormat(TableColumns.of(null, classes), Stores.of(null));
        List<Example> examples = new ArrayList<>();
        try (ExampleReader reader = format.open(new LocalShard(file), listener)) {
            for (Example example = reader.next(); example != null; example = reader.next()) {
                examples.add(example);
            }
        }
        return examples;
    }

    @Test
    void quotesLineBreaksAndAByteOrderMark() throws IOException {
        List<Example> examples = read(
                "x.csv",
                "\uFEFFpath,caption,score,ok,note\na.png,\"red, \"\"very\"\"\nred\",0.5,true,\n./a.png,größer,7,FALSE,x\n",
                null);
        assertThat(examples).extracting(Example::key).containsExactly("000000000", "000000001");
        assertThat(examples.get(0).captions()).containsExactly("red, \"very\"\nred");
        assertThat(examples.get(0).metadata().read().toString())
                .isEqualTo("{\"caption\":\"red, \\\"very\\\"\\nred\",\"score\":0.5,\"ok\":true,\"note\":null}");
        assertThat(examples.get(1).captions()).containsExactly("größer");
        assertThat(examples.get(1).metadata().read().get("score").isIntegralNumber())
                .isTrue();
        assertThat(examples.get(1).image().read()).isEqualTo(TestShards.image("rgb.png"));
    }

    @Test
    void tabsKeysClassesAndMissingParts() throws IOException {
        ClassPrompts classes = new ClassPrompts(Map.of("3", List.of("a tench")));
        List<Example> examples =
                read("x.tsv", "uid\tfile\tcls\nu1\ta.png\t3\nu2\t\t3\nu3\tgone.png\t4\nu4\t\t\n", classes);
        assertThat(examples).extracting(Example::name).containsExactly("x.tsv#u1", "x.tsv#u2", "x.tsv#u3", "x.tsv#u4");
        assertThat(examples.get(0).captions()).containsExactly("a tench");
        assertThat(examples.get(1).image()).isNull();
        assertThat(examples.get(2).captions()).isEmpty();
        assertThatThrownBy(() -> examples.get(2).image().read())
                .hasMessageContaining("gone.png cannot be read (no such file or folder)");
        assertThat(examples.get(3).image()).isNull();
        assertThat(examples.get(3).captions()).isEmpty();
        assertThat(corrupt).containsExactly("x.tsv#u3: its class 4 has no prompt in dataset.params.class_mapping");
    }

    @Test
    void aTableNamesImagesAndNoCommands() throws IOException {
        List<Example> examples =
                read("x.csv", "path,caption\n\"pipe:touch " + folder + "/run\",one\nfile:///a.png,two\n", null);

        assertThat(examples).extracting(Example::image).containsOnlyNulls();
        assertThat(corrupt)
                .containsExactly(
                        "x.csv#000000000: names the image pipe:touch " + folder
                                + "/run, expected a path, http(s):// or s3://",
                        "x.csv#000000001: names the image file:///a.png, expected a path, http(s):// or s3://");
        assertThat(folder.resolve("run")).doesNotExist();
    }

    @Test
    void aRowOfAnotherLengthIsLeftOutAndNamed() throws IOException {
        List<Example> examples = read("x.csv", "path,caption\na.png\na.png,one, two\na.png,good\n", null);

        assertThat(examples).extracting(Example::index).containsExactly(2L);
        assertThat(corrupt)
                .containsExactly(
                        "x.csv#000000000: its row has 1 columns, the header 2: quote texts that hold delimiters or line breaks",
                        "x.csv#000000001: its row has 3 columns, the header 2: quote texts that hold delimiters or line breaks");
    }

    @Test
    void theNamelessIndexOfPandasIsNoHindrance() throws IOException {
        List<Example> examples = read("x.csv", ",path,caption\n0,a.png,x\n", null);

        assertThat(examples.get(0).captions()).containsExactly("x");
        assertThat(examples.get(0).image().read()).isEqualTo(TestShards.image("rgb.png"));
    }

    @Test
    void imagesByUrl() throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            try (exchange) {
                byte[] image = TestShards.image("rgb.png");
                exchange.sendResponseHeaders(exchange.getRequestURI().getPath().equals("/a.png") ? 200 : 404, 0);
                exchange.getResponseBody().write(image);
            }
        });
        server.start();
        try {
            String url = "http://127.0.0.1:" + server.getAddress().getPort();
            List<Example> examples = read("x.csv", "url,caption\n" + url + "/a.png,one\n" + url + "/b.png,two\n", null);
            assertThat(examples.get(0).image().read()).isEqualTo(TestShards.image("rgb.png"));
            assertThatThrownBy(() -> examples.get(1).image().read())
                    .hasMessageContaining("/b.png cannot be read (HTTP status 404");
        } finally {
            server.stop(0);
        }
    }

    @Test
    void aQuoteThatIsNeverClosedDoesNotFillTheMemory() {
        String row = "a.png,an unremarkable caption of about fifty characters\n";
        assertThatThrownBy(() -> read("q.csv", "path,caption\na.png,\"" + row.repeat(600_000), null))
                .isInstanceOf(ShardFailure.class)
                .hasMessageContaining("a row is longer than 16777216 characters: a quote is not closed");
        assertThatCode(() -> assertThat(read("r.csv", "path,caption\n" + row.repeat(600_000), null))
                        .hasSize(600_000))
                .doesNotThrowAnyException();
    }

    @Test
    void whatIsNoTableIsRefusedInOneLine() throws IOException {
        CsvFormat format = new CsvFormat(TableColumns.of(null, null), Stores.of(null));
        Path columns = Files.writeString(folder.resolve("c.csv"), "a,b\n1,2\n");
        assertThatThrownBy(() -> format.require(new LocalShard(columns)))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("c.csv has the columns [a, b], expected one of [image,")
                .hasMessageContaining("dataset.params.fields.image");
        Path binary = Files.write(folder.resolve("b.csv"), TestShards.image("rgb.png"));
        assertThatThrownBy(() -> format.require(new LocalShard(binary)))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("b.csv is not a text in UTF-8");
        Path empty = Files.createFile(folder.resolve("e.csv"));
        assertThatThrownBy(() -> format.require(new LocalShard(empty))).isInstanceOf(UserException.class);
        assertThatThrownBy(() -> read("q.csv", "path,caption\na.png,\"never closed\n", null))
                .isInstanceOf(ShardFailure.class)
                .hasMessageContaining("q.csv")
                .hasMessageNotContaining("\n");
    }
}

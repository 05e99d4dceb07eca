package org.rekindle.data.shards;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;

class EmojiSourceTest {

    private static final String TABLE = """
            [{"name": "ROSE", "unified": "1F339", "image": "1f339.png", "has_img_google": true,
              "short_names": ["rose"], "category": "Animals & Nature", "subcategory": "plant-flower"},
             {"name": "FATHER CHRISTMAS", "unified": "1F385", "image": "1f385.png", "has_img_google": true,
              "short_names": ["santa", "father_christmas"], "category": "People & Body", "subcategory": "person-fantasy",
              "skin_variations": {
                "1F3FE": {"unified": "1F385-1F3FE", "image": "1f385-1f3fe.png", "has_img_google": true},
                "1F3FB-1F3FF": {"unified": "1F385-1F3FB-1F3FF", "image": "1f385-1f3fb-1f3ff.png", "has_img_google": true}}},
             {"name": "ELSEWHERE", "unified": "1F999", "image": "1f999.png", "has_img_google": false}]
            """;

    @TempDir
    Path folder;

    private final Map<String, byte[]> files = new LinkedHashMap<>();

    @BeforeEach
    void files() {
        files.put("img/google/64/1f339.png", png(new Color(200, 0, 0)));
        files.put("img/google/64/1f385.png", png(new Color(0, 200, 0)));
        files.put("img/google/64/1f385-1f3fe.png", png(new Color(0, 0, 200)));
        files.put("img/google/64/1f385-1f3fb-1f3ff.png", png(new Color(0, 0, 100)));
        files.put("img/google/sheets/64.png", new byte[] {1, 2, 3});
        files.put("emoji.json", TABLE.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void captionsSayNameSkinToneKeywordsAndCategories() throws IOException {
        assertThat(new EmojiSource(tarball()).examples())
                .extracting(ShardExample::caption)
                .containsExactly(
                        "rose, plant flower, animals & nature",
                        "father christmas, santa, person fantasy, people & body",
                        "father christmas, medium dark skin tone, santa, person fantasy, people & body",
                        "father christmas, light and dark skin tone, santa, person fantasy, people & body");
    }

    @Test
    void metadataTellsSkinTonesApart() throws IOException {
        List<ShardExample> examples = new EmojiSource(tarball()).examples().toList();
        assertThat(examples)
                .extracting(example -> example.json().get("skin_tones").asInt())
                .containsExactly(0, 0, 1, 2);
        assertThat(examples)
                .extracting(ShardExample::key)
                .containsExactly("1f339", "1f385", "1f385-1f3fe", "1f385-1f3fb-1f3ff");
        assertThat(examples.get(2).json().get("unified").asText()).isEqualTo("1F385-1F3FE");
    }

    @Test
    void imagesAreDrawnOnWhite() throws IOException {
        ShardExample rose = new EmojiSource(tarball()).examples().findFirst().orElseThrow();
        BufferedImage image = ImageIO.read(new ByteArrayInputStream(rose.image()));
        assertThat(rose.extension()).isEqualTo("png");
        assertThat(image.getColorModel().hasAlpha()).isFalse();
        assertThat(image.getWidth()).isEqualTo(64);
        assertThat(image.getRGB(0, 0)).isEqualTo(0xFFFFFFFF);
        assertThat(image.getRGB(32, 32)).isEqualTo(0xFFC80000);
    }

    @Test
    void aFolderGivesWhatItsTarballGives() throws IOException {
        List<ShardExample> packed = new EmojiSource(tarball()).examples().toList();
        assertThat(new EmojiSource(unpacked()).examples().toList())
                .usingRecursiveComparison()
                .isEqualTo(packed);
        assertThat(new EmojiSource(unpacked().resolve("package")).examples().toList())
                .usingRecursiveComparison()
                .isEqualTo(packed);
    }

    @Test
    void whatIsNoPackageIsToldInOneLine() throws IOException {
        Path missing = folder.resolve("missing.tgz");
        assertThatOneLineSays(missing, "does not exist");

        Path text = Files.writeString(folder.resolve("text.tgz"), "not a tarball");
        assertThatOneLineSays(text, "cannot be read");

        byte[] whole = Files.readAllBytes(tarball());
        Path cut = Files.write(folder.resolve("cut.tgz"), Arrays.copyOf(whole, whole.length / 2));
        assertThatOneLineSays(cut, "cannot be read");

        assertThatOneLineSays(Files.createDirectory(folder.resolve("empty")), "holds no emoji.json");
    }

    @Test
    void aPackageWithoutItsTableOrAnImageIsToldInOneLine() throws IOException {
        files.put("emoji.json", "[{]".getBytes(StandardCharsets.UTF_8));
        assertThatOneLineSays(tarball(), "emoji.json is no JSON");

        files.put("emoji.json", "{}".getBytes(StandardCharsets.UTF_8));
        assertThatOneLineSays(tarball(), "emoji.json is no array");

        files.remove("emoji.json");
        assertThatOneLineSays(tarball(), "holds no emoji.json");

        files();
        files.put("img/google/64/1f339.png", new byte[] {1, 2, 3});
        assertThatOneLineSays(tarball(), "image 1f339.png is no png file");

        files.remove("img/google/64/1f339.png");
        assertThatOneLineSays(tarball(), "names img/google/64/1f339.png, which is missing");
    }

    private static void assertThatOneLineSays(Path input, String what) {
        assertThatThrownBy(() -> new EmojiSource(input).examples().toList())
                .isInstanceOf(UserException.class)
                .hasMessageContaining(input.toString())
                .hasMessageContaining(what)
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
    }

    private Path tarball() throws IOException {
        Path file = folder.resolve("emoji.tgz");
        try (TarArchiveOutputStream tar =
                new TarArchiveOutputStream(new GzipCompressorOutputStream(Files.newOutputStream(file)))) {
            for (Map.Entry<String, byte[]> entry : files.entrySet()) {
                TarArchiveEntry header = new TarArchiveEntry("package/" + entry.getKey());
                header.setSize(entry.getValue().length);
                tar.putArchiveEntry(header);
                tar.write(entry.getValue());
                tar.closeArchiveEntry();
            }
        }
        return file;
    }

    private Path unpacked() throws IOException {
        for (Map.Entry<String, byte[]> entry : files.entrySet()) {
            Path file = folder.resolve("unpacked/package").resolve(entry.getKey());
            Files.createDirectories(file.getParent());
            Files.write(file, entry.getValue());
        }
        return folder.resolve("unpacked");
    }

    /** A square in the middle of a transparent image. */
    private static byte[] png(Color colour) {
        BufferedImage image = new BufferedImage(64, 64, BufferedImage.TYPE_INT_ARGB);
        for (int y = 16; y < 48; y++) {
            for (int x = 16; x < 48; x++) {
                image.setRGB(x, y, colour.getRGB());
            }
        }
        try (ByteArrayOutputStream bytes = new ByteArrayOutputStream()) {
            ImageIO.write(image, "png", bytes);
            return bytes.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

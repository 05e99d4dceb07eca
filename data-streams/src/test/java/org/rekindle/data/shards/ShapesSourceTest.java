package org.rekindle.data.shards;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class ShapesSourceTest {

    private static final List<ShardExample> EXAMPLES =
            new ShapesSource(2000, 7).examples().toList();

    /** One solid figure whose middle is filled, on a background that is named. */
    private static final Pattern ONE_SOLID_FIGURE =
            Pattern.compile("an? (?:(?<size>small|tiny|large|big) )?(?:solid |plain )?"
                    + "(?<colour>\\w+) (?<outline>circle|square|triangle|star|heart|cross|diamond)"
                    + "(?: (?<place>on the left|on the right|at the top|at the bottom|in the centre|in the middle))?"
                    + " on (?:a )?(?<background>white|black|grey|light blue|beige)(?: background)?");

    private static final Map<String, Integer> RGB =
            Arrays.stream(Colour.values()).collect(Collectors.toMap(c -> c.word, c -> c.paint.getRGB()));

    @Test
    void drawsTheSameBytesForTheSameSeedAndOthersForAnother() {
        List<ShardExample> again = new ShapesSource(20, 7).examples().toList();
        List<ShardExample> other = new ShapesSource(20, 8).examples().toList();
        for (int i = 0; i < 20; i++) {
            assertThat(again.get(i)).usingRecursiveComparison().isEqualTo(EXAMPLES.get(i));
            assertThat(other.get(i).image()).isNotEqualTo(EXAMPLES.get(i).image());
        }
    }

    @Test
    void namesEveryExampleOnceAndSaysNearlyEveryCaptionOnce() {
        assertThat(EXAMPLES).extracting(ShardExample::key).doesNotHaveDuplicates();
        assertThat(EXAMPLES.stream().map(ShardExample::caption).distinct()).hasSizeGreaterThan(1900);
    }

    @Test
    void captionsFitThirtyTwoTokensOfOneWordEach() {
        assertThat(EXAMPLES)
                .extracting(example -> example.caption().split(" ").length)
                .allSatisfy(words -> assertThat(words).isBetween(3, 30));
    }

    @Test
    void neverDrawsTheColourThatAnOutlineLeavesOut() {
        for (Outline outline : Outline.values()) {
            assertThat(EXAMPLES).extracting(ShardExample::caption).anyMatch(caption -> caption.contains(outline.word));
            assertThat(EXAMPLES)
                    .extracting(ShardExample::caption)
                    .noneMatch(caption -> caption.contains(outline.neverDrawn.word + " " + outline.word));
        }
    }

    @Test
    void theCaptionTellsColourBackgroundPlaceAndSizeOfWhatIsDrawn() throws IOException {
        int checked = 0;
        for (ShardExample example : EXAMPLES) {
            Matcher said = ONE_SOLID_FIGURE.matcher(example.caption());
            if (!said.matches()) {
                continue;
            }
            checked++;
            BufferedImage image = ImageIO.read(new ByteArrayInputStream(example.image()));
            assertThat(image.getWidth()).isEqualTo(64);
            assertThat(image.getHeight()).isEqualTo(64);
            assertThat(image.getRGB(0, 0)).as(example.caption()).isEqualTo(RGB.get(said.group("background")));
            Rectangle box = figure(image);
            int x = (int) box.getCenterX();
            int y = (int) box.getCenterY();
            assertThat(image.getRGB(x, y)).as(example.caption()).isEqualTo(RGB.get(said.group("colour")));
            assertThat(place(x, y)).as(example.caption()).isEqualTo(place(said.group("place")));
            assertThat(size(box, said.group("outline"))).as(example.caption()).isEqualTo(size(said.group("size")));
        }
        assertThat(checked).isGreaterThan(200);
    }

    @Test
    void texturesShowTheColourAndItsCounterpart() throws IOException {
        for (ShardExample example : EXAMPLES) {
            Matcher said = Pattern.compile("an? large (striped|dotted|checkered) (\\w+) \\w+ .*")
                    .matcher(example.caption());
            if (!said.matches()) {
                continue;
            }
            Colour colour = Colour.valueOf(said.group(2).toUpperCase(Locale.ROOT));
            BufferedImage image = ImageIO.read(new ByteArrayInputStream(example.image()));
            assertThat(count(image, colour.paint.getRGB()))
                    .as(example.caption())
                    .isGreaterThan(100);
            assertThat(count(image, colour.counterpart().getRGB()))
                    .as(example.caption())
                    .isGreaterThan(30);
        }
    }

    private static Rectangle figure(BufferedImage image) {
        Rectangle box = null;
        for (int y = 0; y < 64; y++) {
            for (int x = 0; x < 64; x++) {
                if (image.getRGB(x, y) != image.getRGB(0, 0)) {
                    box = box == null ? new Rectangle(x, y, 1, 1) : box.union(new Rectangle(x, y, 1, 1));
                }
            }
        }
        return box;
    }

    private static long count(BufferedImage image, int rgb) {
        return Arrays.stream(image.getRGB(0, 0, 64, 64, null, 0, 64))
                .filter(p -> p == rgb)
                .count();
    }

    private static String place(int x, int y) {
        return x < 27 ? "left" : x > 37 ? "right" : y < 27 ? "top" : y > 37 ? "bottom" : "centre";
    }

    private static String place(String said) {
        return said == null || said.startsWith("in") ? "centre" : said.substring(said.lastIndexOf(' ') + 1);
    }

    private static String size(Rectangle box, String outline) {
        double unit = Outline.valueOf(outline.toUpperCase(Locale.ROOT))
                .unit()
                .getBounds2D()
                .getHeight();
        double radius = box.height / unit;
        return radius < 12 ? "small" : radius > 17 ? "large" : "medium";
    }

    private static String size(String said) {
        return said == null ? "medium" : said.equals("small") || said.equals("tiny") ? "small" : "large";
    }
}

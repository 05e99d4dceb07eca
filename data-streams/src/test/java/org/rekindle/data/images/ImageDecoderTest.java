package org.rekindle.data.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.rekindle.data.TestShards.image;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageDecoderTest {

    /** The colours are those of src/test/python/make_images.py; 128 of 255 of a colour c on white is (128 c + 127 * 255) / 255. */
    @ParameterizedTest
    @CsvSource({
        "rgb.jpg, 230, 120, 40, 3",
        "cmyk.jpg, 230, 120, 40, 3",
        "rgb.png, 230, 120, 40, 0",
        "palette.png, 230, 120, 40, 0",
        "lossless.webp, 230, 120, 40, 0",
        "lossy.webp, 230, 120, 40, 4",
        "pixel.png, 230, 120, 40, 0",
        "alpha.png, 242, 187, 147, 0",
        "alpha.webp, 242, 187, 147, 0",
        "palette_transparent.png, 242, 187, 147, 0",
        "grey.jpg, 77, 77, 77, 1",
        "grey.png, 77, 77, 77, 0",
        "grey16.png, 77, 77, 77, 0",
        "grey_alpha.png, 166, 166, 166, 0"
    })
    void everyKindOfImageBecomesRgb(String name, int red, int green, int blue, int tolerance) throws Exception {
        for (int resolution : new int[] {8, 32, 40}) {
            byte[] pixels = new ImageDecoder(resolution).decode(image(name));
            assertThat(pixels).hasSize(resolution * resolution * 3);
            for (int i = 0; i < pixels.length; i += 3) {
                assertThat(pixels[i] & 0xFF).isBetween(red - tolerance, red + tolerance);
                assertThat(pixels[i + 1] & 0xFF).isBetween(green - tolerance, green + tolerance);
                assertThat(pixels[i + 2] & 0xFF).isBetween(blue - tolerance, blue + tolerance);
            }
        }
    }

    @Test
    void cropsTheCentreBeforeItResizes() throws Exception {
        BufferedImage wide = new BufferedImage(30, 10, BufferedImage.TYPE_INT_RGB);
        for (int x = 0; x < 30; x++) {
            for (int y = 0; y < 10; y++) {
                wide.setRGB(x, y, x >= 10 && x < 20 ? 0x0000FF : 0xFF0000);
            }
        }
        byte[] pixels = new ImageDecoder(5).decode(png(wide));
        for (int i = 0; i < pixels.length; i += 3) {
            assertThat(new int[] {pixels[i] & 0xFF, pixels[i + 2] & 0xFF}).containsExactly(0, 255);
        }
    }

    @Test
    void shrinkingTakesTheMeanOfTheArea() throws Exception {
        BufferedImage checks = new BufferedImage(4, 4, BufferedImage.TYPE_BYTE_GRAY);
        for (int i = 0; i < 16; i++) {
            checks.getRaster().setSample(i % 4, i / 4, 0, (i % 4 + i / 4) % 2 == 0 ? 0 : 200);
        }
        assertThat(new ImageDecoder(2).decode(png(checks))).containsOnly(100);
    }

    @Test
    void orientationTagsAreIgnored() throws Exception {
        byte[] pixels = new ImageDecoder(32).decode(image("turned.jpg"));
        int left = 16 * 32 * 3 + 4 * 3;
        int right = 16 * 32 * 3 + 28 * 3;
        assertThat(pixels[left] & 0xFF).isGreaterThan(200);
        assertThat(pixels[right] & 0xFF).isLessThan(20);
    }

    @Test
    void sixteenBitsOfColourAreScaledToEight() throws Exception {
        byte[] pixels = new ImageDecoder(4).decode(SixteenBit.png(4, 4, 200, 100, 50));
        assertThat(new int[] {pixels[0] & 0xFF, pixels[1] & 0xFF, pixels[2] & 0xFF})
                .containsExactly(200, 100, 50);
    }

    @Test
    void zeroBytesAreSaidToBeSo() {
        assertThatThrownBy(() -> new ImageDecoder(8).decode(new byte[0]))
                .isInstanceOf(ImageException.class)
                .hasMessage("the image has zero bytes");
    }

    @ParameterizedTest
    @ValueSource(strings = {"ramp.jpg", "ramp_progressive.jpg", "rgb.png", "lossless.webp", "lossy.webp", "cmyk.jpg"})
    void truncatedImagesAreDamaged(String name) {
        byte[] whole = image(name);
        for (int percent : new int[] {10, 50, 90}) {
            byte[] part = Arrays.copyOf(whole, whole.length * percent / 100);
            assertThatThrownBy(() -> new ImageDecoder(8).decode(part))
                    .as("%s cut to %d bytes of %d", name, part.length, whole.length)
                    .isInstanceOf(ImageException.class)
                    .hasMessageNotContaining("\n");
        }
    }

    @Test
    void anotherFormatIsRefused() {
        assertThatThrownBy(() -> new ImageDecoder(8).decode("GIF89a and so on".getBytes()))
                .isInstanceOf(ImageException.class)
                .hasMessage("it is not a jpg, png or webp image");
    }

    @Test
    void aBombIsRefusedBeforeItIsDecoded() {
        byte[] bomb = image("rgb.png").clone();
        System.arraycopy(new byte[] {0, 0, (byte) 0xFF, (byte) 0xFF, 0, 0, (byte) 0xFF, (byte) 0xFF}, 0, bomb, 16, 8);
        assertThatThrownBy(() -> new ImageDecoder(8).decode(bomb))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("65535x65535");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"rgb.jpg", "cmyk.jpg", "rgb.png", "lossless.webp", "lossy.webp", "alpha.webp", "grey16.png"})
    void headersTellTheSize(String name) throws Exception {
        ImageHeader header = ImageHeader.read(image(name));
        assertThat(new int[] {header.width(), header.height()}).containsExactly(48, 32);
    }

    @Test
    void nativeMemoryStaysFlat() throws Exception {
        byte[] jpg = image("ramp.jpg");
        ImageDecoder decoder = new ImageDecoder(32);
        decoder.decode(jpg);
        long before = Pointer.totalBytes();
        for (int i = 0; i < 2000; i++) {
            decoder.decode(jpg);
        }
        assertThat(Pointer.totalBytes()).isEqualTo(before);
    }

    @Test
    void encodedPngsDecodeToTheSamePixels() throws Exception {
        byte[] pixels = new ImageDecoder(16).decode(image("ramp.jpg"));
        assertThat(new ImageDecoder(16).decode(ImageEncoder.encode(pixels, 16, 16, "png", 95)))
                .isEqualTo(pixels);
    }

    private static byte[] png(BufferedImage image) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        return out.toByteArray();
    }
}

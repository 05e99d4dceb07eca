package org.rekindle.data.latents;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.rekindle.data.images.ImageException;

class EncodedExampleTest {

    private static final LatentsKey KEY = new LatentsKey("a".repeat(64), "b".repeat(64), "BF16", 64);

    private static EncodedExample example() {
        byte[] moments = new byte[2 * 8 * 3 * 3];
        byte[] states = new byte[2 * 2 * 5 * 4];
        Arrays.fill(moments, (byte) 7);
        Arrays.fill(states, (byte) 9);
        return new EncodedExample(
                KEY, new TensorBytes(List.of(8, 3, 3), moments), new TensorBytes(List.of(2, 5, 4), states));
    }

    @Example
    void whatIsWrittenIsReadBack() throws ImageException {
        EncodedExample read = EncodedExample.read(example().toBytes());
        assertThat(read).usingRecursiveComparison().isEqualTo(example());
        assertThat(read.states().stride()).isEqualTo(40);
    }

    @Example
    void otherModelsAndSizesDiffer() {
        assertThat(KEY.differenceFrom(new LatentsKey("a".repeat(64), "b".repeat(64), "F32", 64)))
                .isNull();
        assertThat(KEY.differenceFrom(new LatentsKey("c".repeat(64), "b".repeat(64), "", 64)))
                .contains("autoencoder aaaaaaaaaaaa, the run has cccccccccccc");
        assertThat(KEY.differenceFrom(new LatentsKey("a".repeat(64), "c".repeat(64), "", 64)))
                .contains("text encoder");
        assertThat(KEY.differenceFrom(new LatentsKey("a".repeat(64), "b".repeat(64), "", 128)))
                .contains("64 px, dataset.params.resolution is 128");
    }

    @Property(tries = 5000)
    void damageIsToldAndNothingElseThrown(@ForAll long seed) {
        Random random = new Random(seed);
        byte[] bytes = example().toBytes();
        if (random.nextBoolean()) {
            bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
        }
        for (int flips = random.nextInt(5); flips > 0 && bytes.length > 0; flips--) {
            bytes[random.nextInt(Math.min(bytes.length, 600))] = (byte) random.nextInt(256);
        }
        try {
            assertThat(EncodedExample.read(bytes).moments().shape()).hasSize(3);
        } catch (ImageException e) {
            assertThat(e.getMessage()).isNotEmpty().doesNotContain("\n");
        }
    }

    @Example
    void whatIsNoMemberOfOursIsRefused() {
        assertThatThrownBy(() -> EncodedExample.read(new byte[4])).hasMessage("it is no safetensors file");
        byte[] foreign = "\u0002\0\0\0\0\0\0\0{}".getBytes(StandardCharsets.ISO_8859_1);
        assertThatThrownBy(() -> EncodedExample.read(foreign)).hasMessageContaining("no latents that this version");
    }

    @Property
    void numbersComeBackToTheNearest(@ForAll float value) {
        for (ElementType type : ElementType.values()) {
            float back = type.floats(type.bytes(new float[] {value}))[0];
            double relative = type == ElementType.F32 ? 0 : type == ElementType.F16 ? 0x1p-11 : 0x1p-8;
            if (Math.abs(value) < 65504 || type != ElementType.F16) {
                double error = Math.abs((double) back - value);
                assertThat(Float.isInfinite(back) ? 0 : error)
                        .isLessThanOrEqualTo(Math.abs((double) value) * relative + 0x1p-25);
            } else {
                assertThat(Math.abs(back)).isGreaterThanOrEqualTo(65504);
            }
            assertThat(type.floats(type.bytes(new float[] {back}))[0]).isEqualTo(back);
        }
    }

    @Example
    void theEdgesOfTheTypes() {
        assertThat(ElementType.F16.bytes(new float[] {1, -2, 65504, 65520, 0x1p-24f, 0x1p-25f, 0x1.8p-24f, 0x1p-14f}))
                .containsExactly(
                        0x00, 0x3C, 0x00, 0xC0, 0xFF, 0x7B, 0x00, 0x7C, 0x01, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x04);
        assertThat(ElementType.BF16.bytes(new float[] {1, 1 + 0x1p-8f, 1 + 0x1.8p-7f}))
                .containsExactly(0x80, 0x3F, 0x80, 0x3F, 0x82, 0x3F);
        float[] special = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
        for (ElementType type : ElementType.values()) {
            assertThat(type.floats(type.bytes(special))).isEqualTo(special);
        }
    }
}

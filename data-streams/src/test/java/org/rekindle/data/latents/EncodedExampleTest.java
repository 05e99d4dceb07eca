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
        assertThatThrownBy(() -> EncodedExample.read(new byte[4])).hasMessageContaining("too short for a header");
        byte[] foreign = "\u0002\0\0\0\0\0\0\0{}".getBytes(StandardCharsets.ISO_8859_1);
        assertThatThrownBy(() -> EncodedExample.read(foreign)).hasMessageContaining("no latents that this version");
    }
}

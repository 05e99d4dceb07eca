package org.rekindle.data.formats;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.rekindle.data.TestShards;
import org.rekindle.data.filters.MetadataFilters;
import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.stores.Shard;

/** Damaged tars: whatever the bytes, reading ends, in bounded memory, and all it throws is a {@link ShardFailure} in one line. */
class TarFuzzTest {

    private static byte[] whole;

    @BeforeContainer
    static void write() throws Exception {
        TestShards shard = new TestShards();
        for (int i = 0; i < 6; i++) {
            shard.example("key" + i)
                    .member("key" + i + ".json", "{\"score\": 0.%d, \"tags\": [\"a\", {\"b\": null}]}".formatted(i));
        }
        shard.member("a-very-long-name/".repeat(12) + "x.jpg", TestShards.image("rgb.jpg"))
                .member("a-very-long-name/".repeat(12) + "x.txt", "größer");
        Path file = Files.createTempFile("fuzz", ".tar");
        whole = Files.readAllBytes(shard.write(file));
        Files.delete(file);
    }

    @Property(tries = 12_000, shrinking = ShrinkingMode.OFF)
    void anyDamageEndsInOneLine(@ForAll long seed, @ForAll boolean knownLength) {
        Random random = new Random(seed);
        byte[] bytes = whole.clone();
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            bytes = mutated(bytes, random);
        }
        List<Example> examples = new ArrayList<>();
        List<String> told = new ArrayList<>();
        ReadListener listener = new ReadListener() {
            @Override
            public void corrupt(String where, String why) {
                told.add(where + why);
            }
        };
        try (ExampleReader reader = WebDatasetFormat.DEFAULT.open(shard(bytes, knownLength), listener)) {
            for (Example example = reader.next(); example != null; example = reader.next()) {
                examples.add(example);
                look(example);
            }
        } catch (ShardFailure e) {
            told.add(e.getMessage());
            assertThat(e.isDamage()).isTrue();
        }
        assertThat(told).allSatisfy(line -> assertThat(line).contains("fuzz.tar"));
        assertThat(examples.size()).isLessThanOrEqualTo(bytes.length / 512);
    }

    /** Metadata and image, as the lane looks at them. */
    private static void look(Example example) {
        MetadataFilters filters = MetadataFilters.parse(Map.of("score", "<=0.5"));
        try {
            filters.rejecting(
                    example.metadata() == null ? null : example.metadata().read());
        } catch (java.io.IOException e) {
            assertThat(e.getMessage()).isNotNull();
        }
        try {
            if (example.image() != null) {
                new ImageDecoder(8).decode(example.image().read());
            }
        } catch (ImageException | java.io.IOException e) {
            assertThat(e.getMessage()).isNotEmpty();
        }
    }

    private static byte[] mutated(byte[] bytes, Random random) {
        if (bytes.length == 0) {
            return bytes;
        }
        int at = random.nextInt(bytes.length);
        // Most bytes of a small tar are padding: two of three mutations strike headers.
        if (random.nextInt(3) > 0) {
            at = Math.min(bytes.length - 1, at / 512 * 512 + HEADER[random.nextInt(HEADER.length)]);
        }
        switch (random.nextInt(6)) {
            case 0 -> bytes[at] = (byte) random.nextInt(256);
            case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
            case 2 -> {
                return Arrays.copyOf(bytes, at);
            }
            case 3 -> {
                byte[] longer = new byte[bytes.length + 1 + random.nextInt(1200)];
                System.arraycopy(bytes, 0, longer, 0, at);
                System.arraycopy(bytes, at, longer, longer.length - (bytes.length - at), bytes.length - at);
                return longer;
            }
            case 4 -> {
                byte[] noise = new byte[Math.min(bytes.length - at, 1 + random.nextInt(600))];
                random.nextBytes(noise);
                System.arraycopy(noise, 0, bytes, at, noise.length);
            }
            default -> {
                byte[] size = NUMBERS[random.nextInt(NUMBERS.length)].getBytes(StandardCharsets.ISO_8859_1);
                int header = at / 512 * 512;
                if (header + 512 <= bytes.length) {
                    System.arraycopy(size, 0, bytes, header + 124, size.length);
                    checksum(bytes, header);
                }
            }
        }
        return bytes;
    }

    /** Name, mode, size, checksum, type, magic, prefix (POSIX ustar). */
    private static final int[] HEADER = {0, 5, 100, 124, 130, 135, 148, 155, 156, 157, 257, 263, 345, 500};

    private static final String[] NUMBERS = {
        "77777777777\0",
        "00000000000\0",
        "-0000000001\0",
        "00000001000 ",
        "\u0080\u00ff\u00ff\u00ff\u00ff\u00ff",
        "  garbage   "
    };

    private static void checksum(byte[] tar, int header) {
        Arrays.fill(tar, header + 148, header + 156, (byte) ' ');
        int sum = 0;
        for (int i = header; i < header + 512; i++) {
            sum += tar[i] & 0xFF;
        }
        System.arraycopy(String.format("%06o\0 ", sum).getBytes(StandardCharsets.US_ASCII), 0, tar, header + 148, 8);
    }

    private static Shard shard(byte[] bytes, boolean knownLength) {
        return new Shard() {
            @Override
            public String location() {
                return "data/fuzz.tar";
            }

            @Override
            public InputStream open(long offset) {
                return new ByteArrayInputStream(bytes, (int) offset, bytes.length);
            }

            @Override
            public long length() {
                return knownLength ? bytes.length : -1;
            }
        };
    }
}

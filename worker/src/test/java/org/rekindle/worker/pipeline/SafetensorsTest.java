package org.rekindle.worker.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.ByteRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.UserException;
import org.rekindle.data.safetensors.DType;

class SafetensorsTest {

    @TempDir
    Path folder;

    @Test
    void whatIsWrittenIsRead() throws IOException {
        Path file = folder.resolve("a.safetensors");
        float[] large = new float[700_000];
        for (int i = 0; i < large.length; i++) {
            large[i] = i * 0.5f;
        }
        ByteBuffer longs = ByteBuffer.allocate(16)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(7)
                .putLong(-1)
                .flip();
        new SafetensorsWriter()
                .add("z", new long[] {2, 2}, new float[] {1, -2, Float.NaN, 4})
                .add("large", new long[] {700, 1000}, large)
                .add("scalar", new long[0], new float[] {3})
                .add("empty", new long[] {0, 5}, new float[0])
                .add("ids", DType.I64, new long[] {2}, longs)
                .write(file);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            assertThat(read.names()).containsExactly("empty", "ids", "large", "scalar", "z");
            assertThat(read.metadata()).containsEntry("format", "pt");
            assertThat(read.tensor("z").floats()).containsExactly(1, -2, Float.NaN, 4);
            assertThat(read.tensor("large").floats()).isEqualTo(large);
            assertThat(read.tensor("large").shape()).containsExactly(700, 1000);
            FloatBuffer copy = FloatBuffer.allocate(large.length);
            read.read("large", copy);
            assertThat(copy.array()).isEqualTo(large);
            assertThat(read.tensor("scalar").floats()).containsExactly(3);
            assertThat(read.tensor("empty").floats()).isEmpty();
            assertThat(read.tensor("ids").data().getLong(8)).isEqualTo(-1);
            assertThatThrownBy(() -> read.tensor("none"))
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("no tensor none");
        }
    }

    @Test
    void theBytesDoNotDependOnTheOrderOfAdding() throws IOException {
        Path one = folder.resolve("1.safetensors");
        Path two = folder.resolve("2.safetensors");
        ByteBuffer bytes = ByteBuffer.allocate(1);
        new SafetensorsWriter()
                .add("a", new long[] {1}, new float[] {1})
                .add("b", new long[] {1}, new float[] {2})
                .add("0", DType.U8, new long[] {1}, bytes)
                .write(one);
        new SafetensorsWriter()
                .add("0", DType.U8, new long[] {1}, bytes)
                .add("b", new long[] {1}, new float[] {2})
                .add("a", new long[] {1}, new float[] {1})
                .write(two);
        assertThat(one).hasSameBinaryContentAs(two);
        assertThat(ByteBuffer.wrap(Files.readAllBytes(one))
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .getLong()
                        % 8)
                .isZero();
    }

    @Test
    void tensorsOfAnotherFileAreCopiedBitForBit() throws IOException {
        Path one = folder.resolve("1.safetensors");
        Path two = folder.resolve("2.safetensors");
        ByteBuffer halves = ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putShort((short) 0x3C00)
                .putShort((short) 0x7E01);
        new SafetensorsWriter()
                .add("h", DType.F16, new long[] {2}, halves.flip())
                .write(one);
        try (SafetensorsFile file = SafetensorsFile.open(one)) {
            new SafetensorsWriter().add(file.tensor("h")).write(two);
        }
        assertThat(one).hasSameBinaryContentAs(two);
    }

    @Test
    void halfAndBrainFloatsAreConvertedExactly() {
        assertThat(converted(DType.F16, 0x3C00, 0xC000, 0x0001, 0x7BFF, 0x7C00, 0x8000, 0x3555))
                .containsExactly(1, -2, 0x1p-24f, 65504, Float.POSITIVE_INFINITY, -0f, 0.333251953125f);
        assertThat(converted(DType.BF16, 0x3F80, 0xC000, 0x0001, 0x7F80, 0x3EAB))
                .containsExactly(1, -2, 0x1p-133f, Float.POSITIVE_INFINITY, 0.333984375f);
        assertThat(converted(DType.F16, 0x7E00)[0]).isNaN();
    }

    /** Every half is m * 2^e by its definition. */
    @Property
    void everyHalfHasTheValueOfItsBits(@ForAll @IntRange(max = 0x7BFF) int bits) {
        int exponent = bits >> 10;
        double expected = exponent == 0
                ? Math.scalb((double) (bits & 0x3FF), -24)
                : Math.scalb(1 + (bits & 0x3FF) / 1024.0, exponent - 15);
        assertThat(converted(DType.F16, bits, bits | 0x8000)).containsExactly((float) expected, (float) -expected);
    }

    @Test
    void anIndexJoinsItsFiles() throws IOException {
        new SafetensorsWriter().add("a", new long[] {1}, new float[] {1}).write(folder.resolve("m-1.safetensors"));
        new SafetensorsWriter().add("b", new long[] {1}, new float[] {2}).write(folder.resolve("m-2.safetensors"));
        Path index = folder.resolve("m.safetensors.index.json");
        Files.writeString(index, "{\"weight_map\": {\"a\": \"m-1.safetensors\", \"b\": \"m-2.safetensors\"}}");
        try (SafetensorsFile file = SafetensorsFile.open(index)) {
            assertThat(file.tensor("a").floats()).containsExactly(1);
            assertThat(file.tensor("b").floats()).containsExactly(2);
        }
        Files.writeString(index, "{\"weight_map\": {\"a\": \"m-1.safetensors\", \"c\": \"m-2.safetensors\"}}");
        assertThatThrownBy(() -> SafetensorsFile.open(index))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("tensor c");
        Files.writeString(index, "{\"weight_map\": {\"a\": \"../m-1.safetensors\"}}");
        assertThatThrownBy(() -> SafetensorsFile.open(index))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("same folder");
        Files.writeString(index, "{\"weight_map\": {\"a\": \"m-3.safetensors\"}}");
        assertThatThrownBy(() -> SafetensorsFile.open(index))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("m-3.safetensors: no such file");
        Files.writeString(index, "{}");
        assertThatThrownBy(() -> SafetensorsFile.open(index))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("weight_map");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,12]}} | tensor a has data_offsets [0,12] outside",
                "{'a':{'dtype':'F32','shape':[3],'data_offsets':[0,8]}} | tensor a of shape [3] and dtype F32 does not fit its 8 bytes",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[8,0]}} | tensor a has data_offsets",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[-8,0]}} | tensor a has data_offsets",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8.5]}} | tensor a has data_offsets",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0]}} | tensor a has data_offsets",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,99999999999999999999]}} | tensor a has data_offsets",
                "{'a':{'dtype':'F32','shape':[-2],'data_offsets':[0,8]}} | tensor a has shape [-2]",
                "{'a':{'dtype':'F32','shape':2,'data_offsets':[0,8]}} | tensor a has shape 2",
                "{'a':{'dtype':'F32','shape':[4294967296,4294967297,4],'data_offsets':[0,8]}} | does not fit",
                "{'a':{'dtype':'F33','shape':[2],'data_offsets':[0,8]}} | tensor a has dtype \"F33\"",
                "{'a':{'shape':[2],'data_offsets':[0,8]}} | tensor a has dtype \"\"",
                "{'a':7} | tensor a has dtype",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}} | 4 bytes after its last tensor",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | leave a hole at byte",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'b':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | overlap",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]},'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | not JSON",
                "['a'] | not a JSON object",
                "{'a': | not JSON",
                "{} x | not JSON"
            })
    void aLyingHeaderIsToldInOneLine(String header, String message) throws IOException {
        Path file = write(header.replace('\'', '"').getBytes(StandardCharsets.UTF_8), null, 8);
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n");
    }

    @ParameterizedTest
    @CsvSource({"0", "1", "3", "1000", "-1", "9223372036854775807", "-9223372036854775808", "100000001"})
    void aLyingHeaderLengthIsToldInOneLine(long length) throws IOException {
        Path file = write("{}".getBytes(StandardCharsets.UTF_8), length, 0);
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("the safetensors file");
    }

    @Test
    void aShortOrMissingFileIsToldInOneLine() throws IOException {
        Path file = folder.resolve("short.safetensors");
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("no such file");
        Files.write(file, new byte[7]);
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("7 bytes long");
    }

    /** Whatever the bytes, opening ends in a file whose tensors can be read or in a message for the user. */
    @Property(tries = 1000)
    void anyDamageIsEitherHarmlessOrToldInOneLine(@ForAll("damage") int[] damage, @ForAll @IntRange(max = 200) int cut)
            throws IOException {
        Path temporary = Files.createTempFile("damaged", ".safetensors");
        try {
            new SafetensorsWriter()
                    .add("a", new long[] {2, 3}, new float[6])
                    .add("b", DType.BF16, new long[] {3}, ByteBuffer.allocate(6))
                    .write(temporary);
            byte[] bytes = Files.readAllBytes(temporary);
            for (int i = 0; i + 1 < damage.length; i += 2) {
                bytes[damage[i] % bytes.length] = (byte) damage[i + 1];
            }
            Files.write(temporary, cut == 0 ? bytes : Arrays.copyOf(bytes, Math.max(0, bytes.length - cut)));
            try (SafetensorsFile file = SafetensorsFile.open(temporary)) {
                for (String name : file.names()) {
                    if (file.dtype(name).isFloat()) {
                        file.tensor(name).floats();
                    }
                }
            } catch (UserException e) {
                assertThat(e.getMessage()).contains(temporary.toString()).doesNotContain("\n");
            }
        } finally {
            Files.delete(temporary);
        }
    }

    @Provide
    Arbitrary<int[]> damage() {
        return Arbitraries.integers().between(0, 255).array(int[].class).ofMaxSize(8);
    }

    @Property(tries = 200)
    void anyHeaderBytesAreToldInOneLine(@ForAll @Size(max = 60) @ByteRange(min = 32, max = 126) byte[] header) {
        Path temporary = null;
        try {
            temporary = Files.createTempFile("noise", ".safetensors");
            Files.write(temporary, framed(header, null, 3));
            Path file = temporary;
            assertThatThrownBy(() -> SafetensorsFile.open(file)).isInstanceOf(UserException.class);
            Files.delete(temporary);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aTensorThatDoesNotFitItsShapeIsNotWritten() {
        assertThatThrownBy(() -> new SafetensorsWriter().add("a", new long[] {3}, new float[2]))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private Path write(byte[] header, Long length, int dataBytes) throws IOException {
        return Files.write(folder.resolve("lying.safetensors"), framed(header, length, dataBytes));
    }

    private static byte[] framed(byte[] header, Long length, int dataBytes) {
        return ByteBuffer.allocate(8 + header.length + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length == null ? header.length : length)
                .put(header)
                .array();
    }

    private static float[] converted(DType dtype, int... bits) {
        ByteBuffer data = ByteBuffer.allocate(2 * bits.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int value : bits) {
            data.putShort((short) value);
        }
        return new TensorView("t", dtype, new long[] {bits.length}, data.flip()).floats();
    }
}

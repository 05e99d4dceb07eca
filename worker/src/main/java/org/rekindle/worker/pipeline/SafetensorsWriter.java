package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rekindle.data.safetensors.DType;

/**
 * Writes a safetensors file tensor by tensor. The bytes depend on the tensors alone, not on the order they are added in: wide
 * element types first, then by name, as the format's own library writes them.
 *
 * <p>The file appears under its name at once: whoever needs it whole or not at all writes into a temporary folder and renames
 * that.
 */
public final class SafetensorsWriter {

    private static final int CHUNK = 1 << 20;

    private final Map<String, Entry> entries = new LinkedHashMap<>();

    private record Entry(String name, DType dtype, long[] shape, long bytes, Content content) {}

    /** A tensor's bytes, written when their turn comes. */
    private interface Content {
        void writeTo(FileChannel channel) throws IOException;
    }

    /** Adds a tensor of fp32; {@code values} is read from its position to its limit when the file is written. */
    public SafetensorsWriter add(String name, long[] shape, FloatBuffer values) {
        FloatBuffer source = values.slice();
        return add(name, DType.F32, shape, 4L * source.remaining(), channel -> {
            FloatBuffer rest = source.duplicate();
            // In the heap: direct memory would wait for a garbage collection, 1 MiB for each tensor of each checkpoint.
            ByteBuffer chunk = ByteBuffer.allocate(4 * Math.min(CHUNK / 4, rest.remaining()))
                    .order(ByteOrder.LITTLE_ENDIAN);
            while (rest.hasRemaining()) {
                int count = Math.min(rest.remaining(), CHUNK / 4);
                chunk.clear();
                chunk.asFloatBuffer().put(rest.slice().limit(count));
                rest.position(rest.position() + count);
                writeFully(channel, chunk.limit(4 * count));
            }
        });
    }

    /** Adds a tensor of fp32. */
    public SafetensorsWriter add(String name, long[] shape, float[] values) {
        return add(name, shape, FloatBuffer.wrap(values));
    }

    /** Adds a tensor's bytes as they are, little endian; they are read when the file is written. */
    public SafetensorsWriter add(String name, DType dtype, long[] shape, ByteBuffer bytes) {
        ByteBuffer source = bytes.slice();
        return add(name, dtype, shape, source.remaining(), channel -> writeFully(channel, source.duplicate()));
    }

    /** Adds a tensor of another file, bit for bit. */
    public SafetensorsWriter add(TensorView tensor) {
        return add(tensor.name(), tensor.dtype(), tensor.shape(), tensor.data());
    }

    private SafetensorsWriter add(String name, DType dtype, long[] shape, long bytes, Content content) {
        long expected = Arrays.stream(shape).reduce(dtype.bytes(), Math::multiplyExact);
        if (bytes != expected) {
            throw new IllegalArgumentException("tensor " + name + " of shape " + Arrays.toString(shape) + " needs "
                    + expected + " bytes, not " + bytes);
        }
        if (entries.put(name, new Entry(name, dtype, shape.clone(), bytes, content)) != null) {
            throw new IllegalArgumentException("tensor " + name + " was added before");
        }
        return this;
    }

    /**
     * Writes the file, replacing what is there.
     *
     * @throws IOException when the disk is full or the folder cannot be written
     */
    public void write(Path file) throws IOException {
        List<Entry> sorted = entries.values().stream()
                .sorted(Comparator.comparingInt((Entry e) -> -e.dtype().bytes())
                        .thenComparing(Entry::dtype)
                        .thenComparing(Entry::name))
                .toList();
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            writeFully(channel, header(sorted));
            for (Entry entry : sorted) {
                entry.content().writeTo(channel);
            }
        }
    }

    private static ByteBuffer header(List<Entry> sorted) {
        ObjectNode header = JsonFiles.JSON.createObjectNode();
        // transformers refuses files that do not say which framework wrote them.
        header.putObject("__metadata__").put("format", "pt");
        long offset = 0;
        for (Entry entry : sorted) {
            ObjectNode node = header.putObject(entry.name());
            node.put("dtype", entry.dtype().name());
            ArrayNode shape = node.putArray("shape");
            Arrays.stream(entry.shape()).forEach(shape::add);
            node.putArray("data_offsets").add(offset).add(offset + entry.bytes());
            offset += entry.bytes();
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        // Padded with blanks so that the tensors begin at a multiple of 8.
        int padded = (json.length + 7) / 8 * 8;
        ByteBuffer bytes = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(padded).put(json);
        while (bytes.hasRemaining()) {
            bytes.put((byte) ' ');
        }
        return bytes.flip();
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}

package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.rekindle.data.UserException;

/**
 * Tensors of a safetensors file, or of several that a {@code *.safetensors.index.json} joins, memory-mapped one tensor at a time.
 *
 * <p>The reader is our own because no library for the JVM maps the files; the format is a 64-bit length, a JSON header of that
 * length, and the tensors' bytes. Nothing in the header is believed before it is checked against the file's size: lengths,
 * offsets that overlap or leave holes, shapes that do not fit their bytes.
 *
 * <p>Safe for use by several threads. Views stay valid after {@link #close}.
 */
public final class SafetensorsFile implements AutoCloseable {

    private static final String INDEX_SUFFIX = ".index.json";

    /** The format's own limit of a header. */
    private static final long LARGEST_HEADER = 100_000_000;

    /** Bytes that {@link #read} holds at a time; a multiple of every element's size. */
    private static final long CHUNK = 1 << 18;

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final Path path;
    private final List<FileChannel> channels = new ArrayList<>();
    private final Map<String, Entry> entries = new TreeMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    private record Entry(FileChannel channel, DType dtype, long[] shape, long offset, long length) {}

    private SafetensorsFile(Path path) {
        this.path = path;
    }

    /**
     * Opens a {@code .safetensors} file or a {@code .safetensors.index.json}.
     *
     * @throws UserException naming the file, and the tensor where it is one, when the file is missing or its header lies
     */
    public static SafetensorsFile open(Path path) {
        SafetensorsFile file = new SafetensorsFile(path);
        try {
            if (path.getFileName().toString().endsWith(INDEX_SUFFIX)) {
                file.readIndex();
            } else {
                file.readFile(path);
            }
        } catch (IOException e) {
            file.close();
            throw new UserException(
                    path + ": cannot be read (" + e.getMessage() + "); check the path and its permissions", e);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
        return file;
    }

    public Path path() {
        return path;
    }

    /** Names of the tensors, sorted. */
    public Set<String> names() {
        return entries.keySet();
    }

    /** The header's {@code __metadata__}; empty where there is none. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** The tensor's shape, without mapping it. */
    public long[] shape(String name) {
        return entry(name).shape.clone();
    }

    /** The tensor's element type, without mapping it. */
    public DType dtype(String name) {
        return entry(name).dtype;
    }

    /**
     * Maps a tensor.
     *
     * @throws UserException when there is none of this name, or it has 2 GiB or more
     */
    public TensorView tensor(String name) {
        Entry entry = entry(name);
        if (entry.length > Integer.MAX_VALUE) {
            throw broken(path, name, "has " + entry.length + " bytes; tensors of 2 GiB and more are not supported");
        }
        try {
            ByteBuffer data = entry.length == 0
                    ? ByteBuffer.allocate(0)
                    : entry.channel.map(FileChannel.MapMode.READ_ONLY, entry.offset, entry.length);
            return new TensorView(name, entry.dtype, entry.shape.clone(), data);
        } catch (IOException e) {
            throw new UserException(path + ": tensor " + name + " cannot be mapped (" + e.getMessage() + ")", e);
        }
    }

    /**
     * Reads a tensor's elements as floats, a chunk at a time and without mapping it: mapped pages would count as this process's memory
     * until the garbage collector finds them.
     *
     * @param target gets the elements in row-major order; has room for them
     * @throws UserException when there is no tensor of this name, or the file ends early
     * @throws IllegalStateException where the elements are integers
     */
    public void read(String name, FloatBuffer target) {
        Entry entry = entry(name);
        ByteBuffer chunk = ByteBuffer.allocate((int) Math.min(entry.length, CHUNK));
        float[] values = new float[chunk.capacity() / entry.dtype.bytes()];
        try {
            for (long from = 0; from < entry.length; from += chunk.limit()) {
                chunk.clear().limit((int) Math.min(chunk.capacity(), entry.length - from));
                fill(chunk, entry.channel, path, entry.offset + from);
                int count = chunk.limit() / entry.dtype.bytes();
                new TensorView(name, entry.dtype, new long[] {count}, chunk).floats(0, values, count);
                target.put(values, 0, count);
            }
        } catch (IOException e) {
            throw new UserException(path + ": tensor " + name + " cannot be read (" + e.getMessage() + ")", e);
        }
    }

    @Override
    public void close() {
        for (FileChannel channel : channels) {
            try {
                channel.close();
            } catch (IOException e) {
                throw new UserException(path + ": cannot be closed (" + e.getMessage() + ")", e);
            }
        }
    }

    private Entry entry(String name) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new UserException(path + ": has no tensor " + name + "; it holds " + entries.size() + " others");
        }
        return entry;
    }

    private void readIndex() throws IOException {
        JsonNode weightMap = JsonFiles.readObject(path).path("weight_map");
        if (!weightMap.isObject()) {
            throw new UserException(path + ": expected an object weight_map (tensor name: file name)");
        }
        Set<String> files = new TreeSet<>();
        weightMap.forEach(file -> files.add(file.asText()));
        for (String file : files) {
            // A shard lies beside its index; a name with folders in it could point anywhere.
            if (!file.endsWith(".safetensors") || file.contains("/") || file.contains("\\")) {
                throw new UserException(path + ": weight_map names \"" + file
                        + "\"; expected names of .safetensors files in the same folder");
            }
            readFile(path.resolveSibling(file));
        }
        for (String name : (Iterable<String>) weightMap::fieldNames) {
            if (!entries.containsKey(name)) {
                throw broken(path, name, "is in weight_map but in none of the files " + files);
            }
        }
    }

    private void readFile(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new UserException(file + ": no such file; expected a safetensors file");
        }
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        channels.add(channel);
        long size = channel.size();
        if (size < 8) {
            throw broken(file, "is " + size + " bytes long, too short for a header");
        }
        long headerLength = read(channel, file, 0, 8).getLong();
        if (headerLength < 2 || headerLength > size - 8 || headerLength > LARGEST_HEADER) {
            throw broken(
                    file,
                    "says its header has " + Long.toUnsignedString(headerLength) + " bytes, but the file has " + size);
        }
        JsonNode header =
                header(file, read(channel, file, 8, (int) headerLength).array());
        long dataStart = 8 + headerLength;
        List<Entry> ofThisFile = new ArrayList<>();
        for (Map.Entry<String, JsonNode> field : header.properties()) {
            String name = field.getKey();
            if (name.equals("__metadata__")) {
                field.getValue()
                        .properties()
                        .forEach(e -> metadata.put(e.getKey(), e.getValue().asText()));
                continue;
            }
            Entry entry = entry(file, channel, name, field.getValue(), dataStart, size - dataStart);
            ofThisFile.add(entry);
            if (entries.put(name, entry) != null) {
                throw broken(file, name, "appears in two files of the index");
            }
        }
        checkContiguous(file, ofThisFile, dataStart, size);
    }

    private static JsonNode header(Path file, byte[] bytes) throws IOException {
        try {
            JsonNode header = JSON.readTree(bytes);
            if (header.isObject()) {
                return header;
            }
        } catch (JsonProcessingException e) {
            throw broken(file, "has a header that is not JSON (" + firstLine(e.getOriginalMessage()) + ")");
        }
        throw broken(file, "has a header that is not a JSON object");
    }

    private static Entry entry(
            Path file, FileChannel channel, String name, JsonNode node, long dataStart, long dataLength) {
        DType dtype;
        try {
            dtype = DType.parse(node.path("dtype").asText());
        } catch (IllegalArgumentException e) {
            throw broken(file, name, "has " + e.getMessage());
        }
        long[] shape = longs(file, name, "shape", node.path("shape"));
        long[] offsets = longs(file, name, "data_offsets", node.path("data_offsets"));
        if (offsets.length != 2 || offsets[0] > offsets[1] || offsets[1] > dataLength) {
            throw broken(
                    file,
                    name,
                    "has data_offsets " + node.path("data_offsets") + " outside the file's " + dataLength
                            + " bytes of data");
        }
        long bytes = dtype.bytes();
        try {
            for (long dimension : shape) {
                bytes = Math.multiplyExact(bytes, dimension);
            }
        } catch (ArithmeticException e) {
            bytes = -1;
        }
        if (bytes != offsets[1] - offsets[0]) {
            throw broken(
                    file,
                    name,
                    "of shape " + node.path("shape") + " and dtype " + dtype + " does not fit its "
                            + (offsets[1] - offsets[0]) + " bytes");
        }
        return new Entry(channel, dtype, shape, dataStart + offsets[0], bytes);
    }

    private static long[] longs(Path file, String name, String key, JsonNode array) {
        boolean valid = array.isArray();
        for (JsonNode value : array) {
            valid &= value.isIntegralNumber() && value.canConvertToLong() && value.asLong() >= 0;
        }
        if (!valid) {
            throw broken(file, name, "has " + key + " " + array + ", expected whole numbers from 0");
        }
        long[] values = new long[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).asLong();
        }
        return values;
    }

    private static void checkContiguous(Path file, List<Entry> entries, long dataStart, long size) {
        List<Entry> sorted = new ArrayList<>(entries);
        sorted.sort(Comparator.comparingLong(Entry::offset).thenComparingLong(Entry::length));
        long end = dataStart;
        for (Entry entry : sorted) {
            if (entry.offset != end) {
                throw broken(
                        file,
                        "has tensors that " + (entry.offset < end ? "overlap" : "leave a hole") + " at byte "
                                + Math.min(end, entry.offset));
            }
            end = entry.offset + entry.length;
        }
        if (end != size) {
            throw broken(file, "has " + (size - end) + " bytes after its last tensor");
        }
    }

    private static ByteBuffer read(FileChannel channel, Path file, long from, int count) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
        fill(buffer, channel, file, from);
        return buffer;
    }

    /** Reads until the buffer is full, and rewinds it. */
    private static void fill(ByteBuffer buffer, FileChannel channel, Path file, long from) throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, from + buffer.position()) < 0) {
                throw broken(file, "ended while it was being read");
            }
        }
        buffer.rewind();
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse("");
    }

    private static UserException broken(Path file, String problem) {
        return new UserException(file + ": the safetensors file " + problem + "; fetch or write it again");
    }

    private static UserException broken(Path file, String tensor, String problem) {
        return new UserException(file + ": tensor " + tensor + " " + problem + "; fetch or write the file again");
    }
}

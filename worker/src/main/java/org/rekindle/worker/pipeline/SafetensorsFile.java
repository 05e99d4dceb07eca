package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.rekindle.data.UserException;
import org.rekindle.data.safetensors.DType;
import org.rekindle.data.safetensors.SafetensorsException;
import org.rekindle.data.safetensors.SafetensorsHeader;

/**
 * Tensors of a safetensors file, or of several that a {@code *.safetensors.index.json} joins, memory-mapped one tensor at a time.
 *
 * <p>The reader is our own because no library for the JVM maps the files; what a header says is checked by {@link SafetensorsHeader}.
 *
 * <p>Safe for use by several threads. Views stay valid after {@link #close}.
 */
public final class SafetensorsFile implements AutoCloseable {

    private static final String INDEX_SUFFIX = ".index.json";

    /** Bytes that {@link #read} holds at a time; a multiple of every element's size. */
    private static final long CHUNK = 1 << 18;

    private final Path path;
    private final List<FileChannel> channels = new ArrayList<>();
    private final Map<String, Entry> entries = new TreeMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    private record Entry(FileChannel channel, SafetensorsHeader.Tensor tensor) {}

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
        return entry(name).tensor.shape().clone();
    }

    /** The tensor's element type, without mapping it. */
    public DType dtype(String name) {
        return entry(name).tensor.dtype();
    }

    /**
     * Maps a tensor.
     *
     * @throws UserException when there is none of this name, or it has 2 GiB or more
     */
    public TensorView tensor(String name) {
        Entry entry = entry(name);
        if (entry.tensor.length() > Integer.MAX_VALUE) {
            throw broken(
                    path, name, "has " + entry.tensor.length() + " bytes; tensors of 2 GiB and more are not supported");
        }
        try {
            ByteBuffer data = entry.tensor.length() == 0
                    ? ByteBuffer.allocate(0)
                    : entry.channel.map(FileChannel.MapMode.READ_ONLY, entry.tensor.offset(), entry.tensor.length());
            return new TensorView(
                    name, entry.tensor.dtype(), entry.tensor.shape().clone(), data);
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
        ByteBuffer chunk = ByteBuffer.allocate((int) Math.min(entry.tensor.length(), CHUNK));
        float[] values = new float[chunk.capacity() / entry.tensor.dtype().bytes()];
        try {
            for (long from = 0; from < entry.tensor.length(); from += chunk.limit()) {
                chunk.clear().limit((int) Math.min(chunk.capacity(), entry.tensor.length() - from));
                fill(chunk, entry.channel, path, entry.tensor.offset() + from);
                int count = chunk.limit() / entry.tensor.dtype().bytes();
                new TensorView(name, entry.tensor.dtype(), new long[] {count}, chunk).floats(0, values, count);
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
        try {
            byte[] prefix = read(channel, file, 0, (int) Math.min(size, SafetensorsHeader.PREFIX));
            int length = SafetensorsHeader.length(prefix, size);
            SafetensorsHeader header =
                    SafetensorsHeader.parse(read(channel, file, SafetensorsHeader.PREFIX, length), size);
            metadata.putAll(header.metadata());
            header.tensors().forEach((name, tensor) -> {
                if (entries.put(name, new Entry(channel, tensor)) != null) {
                    throw broken(file, name, "appears in two files of the index");
                }
            });
        } catch (SafetensorsException e) {
            throw new UserException(file + ": " + e.getMessage() + "; fetch or write the file again", e);
        }
    }

    private static byte[] read(FileChannel channel, Path file, long from, int count) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(count);
        fill(buffer, channel, file, from);
        return buffer.array();
    }

    /** Reads until the buffer is full, and rewinds it. */
    private static void fill(ByteBuffer buffer, FileChannel channel, Path file, long from) throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, from + buffer.position()) < 0) {
                throw new UserException(
                        file + ": the safetensors file ended while it was being read; fetch or write the file again");
            }
        }
        buffer.rewind();
    }

    private static UserException broken(Path file, String tensor, String problem) {
        return new UserException(file + ": tensor " + tensor + " " + problem + "; fetch or write the file again");
    }
}

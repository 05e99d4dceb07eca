package org.rekindle.data.safetensors;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a safetensors file says of its tensors. The format is a 64-bit length, a JSON header of that length, and the tensors' bytes. Nothing
 * in the header is believed before it is checked against the file's size: lengths, offsets that overlap or leave holes, shapes that do not
 * fit their bytes.
 *
 * @param tensors by name
 * @param metadata the header's {@code __metadata__}; empty where there is none
 */
public record SafetensorsHeader(Map<String, Tensor> tensors, Map<String, String> metadata) {

    /** Bytes of the length before the header. */
    public static final int PREFIX = 8;

    /** The format's own limit of a header. */
    private static final long LARGEST = 100_000_000;

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /**
     * Where a tensor lies.
     *
     * @param shape its dimensions; empty for a scalar
     * @param offset its first byte in the file
     * @param length its bytes
     */
    public record Tensor(DType dtype, long[] shape, long offset, long length) {}

    /**
     * Returns the length of the header.
     *
     * @param prefix the file's first bytes, as many as there are of {@value #PREFIX}
     * @param size of the whole file
     * @throws SafetensorsException when the file has no room for it
     */
    public static int length(byte[] prefix, long size) throws SafetensorsException {
        if (size < PREFIX || prefix.length < PREFIX) {
            throw SafetensorsException.of("is " + size + " bytes long, too short for a header");
        }
        long length = ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (length < 2 || length > size - PREFIX || length > LARGEST) {
            throw SafetensorsException.of(
                    "says its header has " + Long.toUnsignedString(length) + " bytes, but the file has " + size);
        }
        return (int) length;
    }

    /**
     * Reads a header.
     *
     * @param json of the length that {@link #length} told
     * @param size of the whole file
     * @throws SafetensorsException when it is malformed, or does not fit the file
     */
    public static SafetensorsHeader parse(byte[] json, long size) throws SafetensorsException {
        long dataStart = PREFIX + json.length;
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        Map<String, String> metadata = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> field : object(json).properties()) {
            if (field.getKey().equals("__metadata__")) {
                field.getValue()
                        .properties()
                        .forEach(e -> metadata.put(e.getKey(), e.getValue().asText()));
            } else {
                tensors.put(field.getKey(), tensor(field.getKey(), field.getValue(), dataStart, size - dataStart));
            }
        }
        requireContiguous(tensors, dataStart, size);
        return new SafetensorsHeader(tensors, metadata);
    }

    /** Reads the header of a file that is in memory. */
    public static SafetensorsHeader of(byte[] file) throws SafetensorsException {
        int length = length(Arrays.copyOf(file, Math.min(file.length, PREFIX)), file.length);
        return parse(Arrays.copyOfRange(file, PREFIX, PREFIX + length), file.length);
    }

    private static JsonNode object(byte[] json) throws SafetensorsException {
        try {
            JsonNode header = JSON.readTree(json);
            if (header.isObject()) {
                return header;
            }
        } catch (JsonProcessingException e) {
            throw SafetensorsException.of("has a header that is not JSON (" + firstLine(e.getOriginalMessage()) + ")");
        } catch (IOException e) {
            throw SafetensorsException.of("has a header that is not JSON (" + firstLine(e.getMessage()) + ")");
        }
        throw SafetensorsException.of("has a header that is not a JSON object");
    }

    private static Tensor tensor(String name, JsonNode node, long dataStart, long dataLength)
            throws SafetensorsException {
        DType dtype;
        try {
            dtype = DType.parse(node.path("dtype").asText());
        } catch (IllegalArgumentException e) {
            throw SafetensorsException.of(name, "has " + e.getMessage());
        }
        long[] shape = longs(name, "shape", node.path("shape"));
        long[] offsets = longs(name, "data_offsets", node.path("data_offsets"));
        if (offsets.length != 2 || offsets[0] > offsets[1] || offsets[1] > dataLength) {
            throw SafetensorsException.of(
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
            throw SafetensorsException.of(
                    name,
                    "of shape " + node.path("shape") + " and dtype " + dtype + " does not fit its "
                            + (offsets[1] - offsets[0]) + " bytes");
        }
        return new Tensor(dtype, shape, dataStart + offsets[0], bytes);
    }

    private static long[] longs(String name, String key, JsonNode array) throws SafetensorsException {
        boolean valid = array.isArray();
        for (JsonNode value : array) {
            valid &= value.isIntegralNumber() && value.canConvertToLong() && value.asLong() >= 0;
        }
        if (!valid) {
            throw SafetensorsException.of(name, "has " + key + " " + array + ", expected whole numbers from 0");
        }
        long[] values = new long[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).asLong();
        }
        return values;
    }

    private static void requireContiguous(Map<String, Tensor> tensors, long dataStart, long size)
            throws SafetensorsException {
        List<Tensor> sorted = new ArrayList<>(tensors.values());
        sorted.sort(Comparator.comparingLong(Tensor::offset).thenComparingLong(Tensor::length));
        long end = dataStart;
        for (Tensor tensor : sorted) {
            if (tensor.offset != end) {
                throw SafetensorsException.of("has tensors that " + (tensor.offset < end ? "overlap" : "leave a hole")
                        + " at byte " + Math.min(end, tensor.offset));
            }
            end = tensor.offset + tensor.length;
        }
        if (end != size) {
            throw SafetensorsException.of("has " + (size - end) + " bytes after its last tensor");
        }
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse("");
    }
}

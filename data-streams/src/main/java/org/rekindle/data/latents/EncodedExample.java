package org.rekindle.data.latents;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.rekindle.data.images.ImageException;

/**
 * One example as the frozen models encode it: the member {@code KEY.latents.safetensors} of a shard.
 *
 * @param key what it was computed with
 * @param moments of the autoencoder's posterior, of shape (2 latent channels, height, width)
 * @param states encoder_hidden_states of each caption, of shape (captions, length, width)
 */
public record EncodedExample(LatentsKey key, TensorBytes moments, TensorBytes states) {

    /** Suffix of the member. */
    public static final String SUFFIX = "latents.safetensors";

    private static final String MOMENTS = "moments";
    private static final String STATES = "encoder_hidden_states";
    private static final int MAX_HEADER = 1 << 16;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** The member's bytes, in the safetensors format. */
    public byte[] toBytes() {
        ObjectNode header = JSON.createObjectNode();
        ObjectNode metadata = header.putObject("__metadata__");
        key.metadata().forEach(metadata::put);
        put(header, MOMENTS, moments, 0);
        put(header, STATES, states, moments.bytes().length);
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        int padded = (json.length + 7) / 8 * 8;
        ByteBuffer bytes = ByteBuffer.allocate(8 + padded + moments.bytes().length + states.bytes().length)
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(padded).put(json);
        while (bytes.position() < 8 + padded) {
            bytes.put((byte) ' ');
        }
        return bytes.put(moments.bytes()).put(states.bytes()).array();
    }

    private void put(ObjectNode header, String name, TensorBytes tensor, int offset) {
        ObjectNode node = header.putObject(name);
        node.put("dtype", key.dtype());
        tensor.shape().forEach(node.putArray("shape")::add);
        node.putArray("data_offsets").add(offset).add(offset + tensor.bytes().length);
    }

    /**
     * Reads a member.
     *
     * @throws ImageException when it is damaged, or none of these
     */
    public static EncodedExample read(byte[] member) throws ImageException {
        ByteBuffer bytes = ByteBuffer.wrap(member).order(ByteOrder.LITTLE_ENDIAN);
        long length = member.length < 8 ? -1 : bytes.getLong();
        if (length < 2 || length > MAX_HEADER || length > member.length - 8) {
            throw new ImageException("it is no safetensors file");
        }
        try {
            JsonNode header = JSON.readTree(member, 8, (int) length);
            JsonNode metadata = header.path("__metadata__");
            if (!metadata.path("rekindle_latents").asText().equals(LatentsKey.VERSION)) {
                throw new ImageException("it holds no latents that this version of Rekindle reads");
            }
            LatentsKey key = new LatentsKey(
                    metadata.path("vae").asText(),
                    metadata.path("text_encoder").asText(),
                    metadata.path("dtype").asText(),
                    metadata.path("resolution").asInt());
            ElementType type = Arrays.stream(ElementType.values())
                    .filter(each -> each.name().equals(key.dtype()))
                    .findFirst()
                    .orElseThrow(() -> new ImageException("it holds tensors of type " + key.dtype()));
            int data = 8 + (int) length;
            EncodedExample example = new EncodedExample(
                    key,
                    tensor(member, data, header.path(MOMENTS), type, MOMENTS, 3),
                    tensor(member, data, header.path(STATES), type, STATES, 3));
            if (example.moments.shape().get(0) % 2 != 0) {
                throw new ImageException("its tensor " + MOMENTS + " has an odd number of channels");
            }
            return example;
        } catch (JacksonException e) {
            throw new ImageException("its safetensors header is not JSON");
        } catch (IOException e) {
            throw new ImageException(e.getMessage());
        }
    }

    private static TensorBytes tensor(
            byte[] member, int data, JsonNode node, ElementType type, String name, int dimensions)
            throws ImageException {
        long from = node.path("data_offsets").path(0).asLong(-1);
        long to = node.path("data_offsets").path(1).asLong(-1);
        if (!node.path("dtype").asText().equals(type.name())
                || node.path("shape").size() != dimensions
                || from < 0
                || to < from
                || to > member.length - data) {
            throw new ImageException("its tensor " + name + " is damaged");
        }
        List<Integer> shape = new ArrayList<>();
        long expected = type.size();
        for (JsonNode dimension : node.path("shape")) {
            int extent = dimension.canConvertToInt() ? dimension.asInt() : -1;
            if (extent < 1 || extent > member.length) {
                throw new ImageException("its tensor " + name + " has the shape " + node.path("shape"));
            }
            shape.add(extent);
            expected = Math.min(Integer.MAX_VALUE, expected * extent);
        }
        if (expected != to - from) {
            throw new ImageException("its tensor " + name + " of shape " + shape + " has " + (to - from) + " bytes");
        }
        return new TensorBytes(shape, Arrays.copyOfRange(member, data + (int) from, data + (int) to));
    }
}

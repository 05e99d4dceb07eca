package org.rekindle.data.latents;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.safetensors.SafetensorsException;
import org.rekindle.data.safetensors.SafetensorsHeader;

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
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Says what tells it from examples that it cannot be in one batch with. */
    public String inWords() {
        return key.inWords() + ", moments " + moments.shape() + ", states "
                + states.shape().subList(1, 3);
    }

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
        SafetensorsHeader header;
        try {
            header = SafetensorsHeader.of(member);
        } catch (SafetensorsException e) {
            throw new ImageException(e.getMessage());
        }
        Map<String, String> metadata = header.metadata();
        if (!LatentsKey.VERSION.equals(metadata.get("rekindle_latents"))) {
            throw new ImageException("it holds no latents that this version of Rekindle reads");
        }
        LatentsKey key = LatentsKey.of(metadata);
        EncodedExample example =
                new EncodedExample(key, tensor(member, header, key, MOMENTS), tensor(member, header, key, STATES));
        if (example.moments.shape().get(0) % 2 != 0) {
            throw new ImageException("its tensor " + MOMENTS + " has an odd number of channels");
        }
        return example;
    }

    private static TensorBytes tensor(byte[] member, SafetensorsHeader header, LatentsKey key, String name)
            throws ImageException {
        SafetensorsHeader.Tensor tensor = header.tensors().get(name);
        if (tensor == null) {
            throw new ImageException("it has no tensor " + name);
        }
        if (!tensor.dtype().name().equals(key.dtype()) || tensor.shape().length != 3 || tensor.length() == 0) {
            throw new ImageException("its tensor " + name + " is of type " + tensor.dtype() + " and shape "
                    + Arrays.toString(tensor.shape()) + ", expected are three dimensions of " + key.dtype());
        }
        int from = (int) tensor.offset();
        return new TensorBytes(
                Arrays.stream(tensor.shape()).mapToObj(extent -> (int) extent).toList(),
                Arrays.copyOfRange(member, from, from + (int) tensor.length()));
    }
}

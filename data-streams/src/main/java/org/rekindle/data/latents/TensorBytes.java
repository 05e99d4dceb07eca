package org.rekindle.data.latents;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A tensor that this module only carries.
 *
 * @param shape its dimensions
 * @param bytes its elements in row-major order, little endian
 */
public record TensorBytes(List<Integer> shape, byte[] bytes) {

    /** Joins tensors along the first dimension; there is at least one, and their other dimensions agree. */
    public static TensorBytes joined(List<TensorBytes> parts) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        parts.forEach(part -> bytes.writeBytes(part.bytes));
        int entries = parts.stream().mapToInt(part -> part.shape.get(0)).sum();
        return new TensorBytes(ofEntries(entries, parts.get(0).shape), bytes.toByteArray());
    }

    /** Returns {@code count} entries of the first dimension, from {@code from} on. */
    public TensorBytes part(int from, int count) {
        byte[] part = Arrays.copyOfRange(bytes, from * stride(), (from + count) * stride());
        return new TensorBytes(ofEntries(count, shape), part);
    }

    private static List<Integer> ofEntries(int entries, List<Integer> shape) {
        List<Integer> other = new ArrayList<>(shape);
        other.set(0, entries);
        return List.copyOf(other);
    }

    /** Bytes of one entry of the first dimension. */
    public int stride() {
        return bytes.length / shape.get(0);
    }
}

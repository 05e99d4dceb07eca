package org.rekindle.worker.collectives;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Direct buffers, one after the other, as one vector of bytes. */
final class BufferVector {

    private final ByteBuffer[] parts;
    private final long[] starts;
    private final long bytes;

    private BufferVector(ByteBuffer[] parts, long[] starts, long bytes) {
        this.parts = parts;
        this.starts = starts;
        this.bytes = bytes;
    }

    /**
     * Of what lies between each buffer's position and limit; neither is changed.
     *
     * @param multiple what the size of each part must be a multiple of
     * @throws IllegalArgumentException for heap buffers, foreign byte order and other sizes
     */
    static BufferVector of(List<ByteBuffer> data, int multiple) {
        ByteBuffer[] parts = new ByteBuffer[data.size()];
        long[] starts = new long[data.size()];
        int count = 0;
        long bytes = 0;
        for (int i = 0; i < data.size(); i++) {
            ByteBuffer part = data.get(i);
            if (!part.isDirect() || part.order() != ByteOrder.nativeOrder() || part.remaining() % multiple != 0) {
                throw new IllegalArgumentException(
                        "buffer " + i + " of " + data.size() + " is " + part + ", " + part.order()
                                + "; expected a direct one in native order whose size is a multiple of " + multiple);
            }
            if (part.hasRemaining()) {
                parts[count] = part.slice();
                starts[count++] = bytes;
                bytes += part.remaining();
            }
        }
        return new BufferVector(Arrays.copyOf(parts, count), Arrays.copyOf(starts, count), bytes);
    }

    long bytes() {
        return bytes;
    }

    /** Those that hold something, each from 0 to its limit. */
    List<ByteBuffer> parts() {
        return List.of(parts);
    }

    /** Views of {@code length} bytes from {@code offset}, in native order. */
    ByteBuffer[] range(long offset, long length) {
        List<ByteBuffer> views = new ArrayList<>(1);
        int found = Arrays.binarySearch(starts, offset);
        int i = found >= 0 ? found : -found - 2;
        for (long from = offset; from < offset + length; i++) {
            int start = (int) (from - starts[i]);
            int size = (int) Math.min(parts[i].limit() - start, offset + length - from);
            views.add(parts[i].slice(start, size).order(ByteOrder.nativeOrder()));
            from += size;
        }
        return views.toArray(ByteBuffer[]::new);
    }
}

package org.rekindle.worker.collectives;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.List;

/** What goes to the successor in one operation. */
final class Outflow {

    private final BufferVector vector;
    private final List<RingPlan.Run> runs;
    private final WireFormat format;
    private final ByteBuffer chunk;
    private int current;
    private long doneOfRun;
    private long taken;

    /** @param chunk room for encoded values that are not yet sent */
    Outflow(BufferVector vector, List<RingPlan.Run> runs, WireFormat format, ByteBuffer chunk) {
        this.vector = vector;
        this.runs = runs;
        this.format = format;
        this.chunk = chunk.clear().limit(0);
    }

    boolean complete() {
        return current == runs.size() && !chunk.hasRemaining();
    }

    /** @param ready bytes of the whole flow that may be sent by now */
    boolean waiting(long ready) {
        return chunk.hasRemaining() || current < runs.size() && taken < ready;
    }

    /**
     * Sends what the socket takes, a chunk at most.
     *
     * @return bytes written
     */
    long write(SocketChannel channel, long ready) throws IOException {
        if (format instanceof Bfloat16 narrow) {
            if (!chunk.hasRemaining()) {
                encode(narrow, next(ready));
            }
            return channel.write(chunk);
        }
        long written = channel.write(next(ready));
        advance(written);
        return written;
    }

    private ByteBuffer[] next(long ready) {
        RingPlan.Run run = runs.get(current);
        long most = Math.min(chunk.capacity(), Math.min(run.bytes() - doneOfRun, ready - taken));
        return vector.range(run.offset() + doneOfRun, most);
    }

    private void encode(Bfloat16 narrow, ByteBuffer[] parts) {
        chunk.clear();
        long bytes = 0;
        for (ByteBuffer part : parts) {
            int width = part.limit() / Float.BYTES * narrow.bytesPerValue();
            narrow.encode(part, chunk.slice(chunk.position(), width).order(chunk.order()));
            chunk.position(chunk.position() + width);
            bytes += part.limit();
        }
        chunk.flip();
        advance(bytes);
    }

    private void advance(long bytes) {
        taken += bytes;
        doneOfRun += bytes;
        if (doneOfRun == runs.get(current).bytes()) {
            doneOfRun = 0;
            current++;
        }
    }
}

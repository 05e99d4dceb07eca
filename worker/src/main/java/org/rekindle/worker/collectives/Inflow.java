package org.rekindle.worker.collectives;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.List;

/** What comes from the predecessor in one operation. */
final class Inflow {

    private final BufferVector vector;
    private final List<RingPlan.Run> runs;
    private final WireFormat format;
    private final ByteBuffer chunk;
    private int current;
    private long doneOfRun;
    private long received;

    /** @param chunk room for what comes and is not yet added */
    Inflow(BufferVector vector, List<RingPlan.Run> runs, WireFormat format, ByteBuffer chunk) {
        this.vector = vector;
        this.runs = runs;
        this.format = format;
        this.chunk = chunk.clear();
    }

    /** Bytes of the vector that are what they are to be here. */
    long received() {
        return received;
    }

    boolean complete() {
        return current == runs.size();
    }

    /**
     * Takes what is there, a chunk at most.
     *
     * @return bytes read, -1 at the end of the stream
     */
    long read(SocketChannel channel) throws IOException {
        RingPlan.Run run = runs.get(current);
        return run.add() || format instanceof Bfloat16 ? readChunk(channel, run) : readInPlace(channel, run);
    }

    private long readInPlace(SocketChannel channel, RingPlan.Run run) throws IOException {
        long most = Math.min(chunk.capacity(), run.bytes() - doneOfRun);
        long read = channel.read(vector.range(run.offset() + doneOfRun, most));
        advance(Math.max(0, read), run);
        return read;
    }

    private long readChunk(SocketChannel channel, RingPlan.Run run) throws IOException {
        int width = format.bytesPerValue();
        long missing = (run.bytes() - doneOfRun) / Float.BYTES * width;
        int read = channel.read(chunk.limit((int) Math.min(chunk.capacity(), missing)));
        int values = chunk.position() / width;
        int from = 0;
        for (ByteBuffer part : vector.range(run.offset() + doneOfRun, (long) values * Float.BYTES)) {
            int bytes = part.limit() / Float.BYTES * width;
            ByteBuffer piece = chunk.slice(from, bytes).order(chunk.order());
            if (run.add()) {
                format.add(piece, part);
            } else if (format instanceof Bfloat16 narrow) {
                narrow.decode(piece, part);
            }
            from += bytes;
        }
        chunk.flip().position(from).compact();
        advance((long) values * Float.BYTES, run);
        return read;
    }

    private void advance(long bytes, RingPlan.Run run) {
        received += bytes;
        doneOfRun += bytes;
        if (doneOfRun == run.bytes()) {
            doneOfRun = 0;
            current++;
        }
    }
}

package org.rekindle.data.stores;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** The bytes of a local file, buffered, with a place that can be changed. One thread reads; any thread may close. */
public final class SeekableBytes extends InputStream {

    /** Headers and the small members behind an image fit; whoever skips images reads no more than this for each. */
    private static final int BUFFER_BYTES = 1 << 13;

    private final FileChannel file;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES).limit(0);

    SeekableBytes(FileChannel file) {
        this.file = file;
    }

    /** Goes to an offset; beyond the end nothing follows. */
    public void seek(long offset) throws IOException {
        file.position(offset);
        buffer.limit(0);
    }

    @Override
    public int read() throws IOException {
        return fill() ? buffer.get() & 0xFF : -1;
    }

    @Override
    public int read(byte[] into, int offset, int count) throws IOException {
        if (count >= BUFFER_BYTES && !buffer.hasRemaining()) {
            return file.read(ByteBuffer.wrap(into, offset, count));
        } else if (count == 0) {
            return 0;
        } else if (!fill()) {
            return -1;
        }
        int read = Math.min(count, buffer.remaining());
        buffer.get(into, offset, read);
        return read;
    }

    private boolean fill() throws IOException {
        if (!buffer.hasRemaining()) {
            buffer.clear();
            int read = file.read(buffer);
            buffer.flip();
            return read > 0;
        }
        return true;
    }

    @Override
    public long skip(long count) throws IOException {
        long from = file.position() - buffer.remaining();
        long skipped = Math.max(0, Math.min(count, file.size() - from));
        if (skipped <= buffer.remaining()) {
            buffer.position(buffer.position() + (int) skipped);
        } else {
            seek(from + skipped);
        }
        return skipped;
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}

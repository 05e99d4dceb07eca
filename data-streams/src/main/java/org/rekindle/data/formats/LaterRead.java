package org.rekindle.data.formats;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.rekindle.data.UserException;

/**
 * Reads parts of a local file that were passed over: of an example that a filter rejects the image is never read. One thread.
 */
final class LaterRead implements AutoCloseable {

    private final FileChannel file;

    LaterRead(Path path) throws IOException {
        file = FileChannel.open(path, StandardOpenOption.READ);
    }

    byte[] read(long position, int size) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(size);
        while (bytes.hasRemaining()) {
            int read;
            try {
                read = file.read(bytes, position + bytes.position());
            } catch (IOException e) {
                throw new IOException("cannot be read (" + UserException.reason(e) + ")", e);
            }
            if (read < 0) {
                throw new IOException("its file was cut while it was read");
            }
        }
        return bytes.array();
    }

    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

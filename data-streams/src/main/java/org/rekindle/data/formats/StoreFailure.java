package org.rekindle.data.formats;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** An error of a shard's store, kept apart from what the readers of archives and compressed streams say about their contents. */
final class StoreFailure extends IOException {

    StoreFailure(IOException cause) {
        super(cause.getMessage(), cause);
    }

    /** Marks the errors of a store's stream. */
    static InputStream marked(InputStream bytes) {
        return new FilterInputStream(bytes) {
            @Override
            public int read() throws IOException {
                try {
                    return in.read();
                } catch (IOException e) {
                    throw new StoreFailure(e);
                }
            }

            @Override
            public int read(byte[] into, int offset, int count) throws IOException {
                try {
                    return in.read(into, offset, count);
                } catch (IOException e) {
                    throw new StoreFailure(e);
                }
            }

            @Override
            public long skip(long count) throws IOException {
                try {
                    return in.skip(count);
                } catch (IOException e) {
                    throw new StoreFailure(e);
                }
            }
        };
    }
}

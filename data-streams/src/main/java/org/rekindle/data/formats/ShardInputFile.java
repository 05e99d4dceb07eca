package org.rekindle.data.formats;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import org.apache.parquet.io.DelegatingSeekableInputStream;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.io.SeekableInputStream;
import org.rekindle.data.stores.Shard;

/** A shard as Parquet reads it: from any place, the footer first. A store is asked anew for places that lie far ahead or behind. */
record ShardInputFile(Shard shard) implements InputFile {

    private static final long WORTH_A_REQUEST = 1 << 20;

    @Override
    public long getLength() throws IOException {
        long length;
        try {
            length = shard.length();
        } catch (IOException e) {
            throw new StoreFailure(e);
        }
        if (length < 0) {
            throw new StoreFailure(new IOException("its store does not tell its length, which Parquet needs"));
        }
        return length;
    }

    @Override
    public SeekableInputStream newStream() throws IOException {
        return new Seekable(new Position(shard));
    }

    /** Where in the shard a reader is. */
    private static final class Position extends InputStream {
        private final Shard shard;
        private InputStream bytes;
        private long at;
        private long wanted;

        Position(Shard shard) {
            this.shard = shard;
        }

        void seek(long position) {
            wanted = position;
        }

        private void arrive() throws IOException {
            if (bytes != null && wanted >= at && wanted - at <= WORTH_A_REQUEST) {
                try {
                    bytes.skipNBytes(wanted - at);
                } catch (EOFException e) {
                    at = wanted;
                    return;
                }
            } else {
                close();
                try {
                    bytes = StoreFailure.marked(shard.open(wanted));
                } catch (IOException e) {
                    throw new StoreFailure(e);
                }
            }
            at = wanted;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] into, int offset, int count) throws IOException {
            if (bytes == null || wanted != at) {
                arrive();
            }
            int read = bytes.read(into, offset, count);
            if (read > 0) {
                at += read;
                wanted = at;
            }
            return read;
        }

        @Override
        public void close() throws IOException {
            if (bytes != null) {
                bytes.close();
                bytes = null;
            }
        }
    }

    private static final class Seekable extends DelegatingSeekableInputStream {
        private final Position position;

        Seekable(Position position) {
            super(position);
            this.position = position;
        }

        @Override
        public long getPos() {
            return position.wanted;
        }

        @Override
        public void seek(long to) {
            position.seek(to);
        }
    }

    @Override
    public String toString() {
        return shard.location();
    }
}

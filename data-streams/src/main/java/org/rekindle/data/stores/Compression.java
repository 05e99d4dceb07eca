package org.rekindle.data.stores;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;
import org.apache.commons.compress.compressors.zstandard.ZstdCompressorInputStream;

/** How a shard is compressed as a whole, told by its first bytes. */
public enum Compression {
    NONE,
    GZIP,
    ZSTD;

    private static final byte[] GZIP_MAGIC = {0x1F, (byte) 0x8B};
    private static final byte[] ZSTD_MAGIC = {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD};

    /** Looks ahead; the stream stays where it is. */
    public static Compression of(BufferedInputStream bytes) throws IOException {
        bytes.mark(ZSTD_MAGIC.length);
        byte[] first = bytes.readNBytes(ZSTD_MAGIC.length);
        bytes.reset();
        return begins(first, ZSTD_MAGIC) ? ZSTD : begins(first, GZIP_MAGIC) ? GZIP : NONE;
    }

    private static boolean begins(byte[] bytes, byte[] magic) {
        for (int i = 0; i < magic.length; i++) {
            if (i >= bytes.length || bytes[i] != magic[i]) {
                return false;
            }
        }
        return true;
    }

    /** Returns the uncompressed bytes; several gzip members or zstd frames count as one stream. Closing closes {@code bytes}. */
    public InputStream open(InputStream bytes) throws IOException {
        return switch (this) {
            case NONE -> bytes;
            case GZIP -> new GzipCompressorInputStream(bytes, true);
            case ZSTD -> new ZstdCompressorInputStream(bytes);
        };
    }
}

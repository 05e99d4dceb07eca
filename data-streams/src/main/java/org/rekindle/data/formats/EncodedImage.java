package org.rekindle.data.formats;

import java.io.IOException;

/** The encoded image of an example, or the place it is read from; any thread. */
public interface EncodedImage {

    /**
     * Returns the bytes.
     *
     * @throws IOException when they cannot be read; the message follows the example's name
     */
    byte[] read() throws IOException;

    /**
     * Returns what waits in a shuffle block, to be called before the reader moves on: bytes that only the reader can give are read now,
     * others when they are due.
     *
     * @throws IOException as {@link #read}
     */
    default EncodedImage kept() throws IOException {
        return this;
    }

    /** An image that is in memory. */
    static EncodedImage of(byte[] bytes) {
        return () -> bytes;
    }
}

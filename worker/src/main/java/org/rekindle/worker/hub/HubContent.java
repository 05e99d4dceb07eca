package org.rekindle.worker.hub;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;

/**
 * The content of a file as it comes from a hub. Close it.
 *
 * @param body the bytes from {@code offset} on
 * @param offset the first byte's place in the file: the one asked for, or 0 from a server that does not know ranges
 * @param size bytes of the whole file, or -1 when the answer does not tell
 * @param hash what the hub's answer says of the whole file, or null
 */
record HubContent(InputStream body, long offset, long size, ContentHash hash) implements Closeable {

    @Override
    public void close() throws IOException {
        body.close();
    }
}

package org.rekindle.data.stores;

import java.io.IOException;
import java.io.InputStream;

/**
 * One file of a data set, wherever it lies: on a disk, behind HTTP, in a bucket, at the end of a pipe. Immutable, for any number of
 * threads; two shards of the same location are equal.
 *
 * <p>What a store fails at is tried again by the store itself, within bounds, and read on from where it broke off: an
 * {@link IOException} from here is final, and its message says what happened in words that follow the shard's location.
 */
public interface Shard {

    /** Returns the location as the configuration names it, without credentials. */
    String location();

    /** Returns a short name that tells the shards of a data set apart: the location's last part. */
    default String name() {
        String location = location();
        return location.substring(location.lastIndexOf('/') + 1);
    }

    /**
     * Opens the bytes for one reader, which closes them; closing ends a transfer or a process at once, also when another thread waits in
     * a read.
     *
     * @param offset the first byte to give, from 0
     */
    InputStream open(long offset) throws IOException;

    /**
     * Returns the length in bytes, or -1 where only reading to the end would tell. May ask the store.
     */
    long length() throws IOException;
}

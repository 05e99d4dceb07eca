package org.rekindle.data.formats;

import java.util.function.LongPredicate;
import org.rekindle.data.stores.Shard;

/** How the shards of a data set hold their examples; any number of threads. */
public interface ExampleFormat {

    /**
     * Opens a shard.
     *
     * @param wanted which examples to read, by their index in the shard; the bytes of the others are passed over
     * @param first no example before this index is wanted: a format that can goes there at once
     * @throws ShardFailure when the shard cannot be opened; {@link ExampleReader#next()} throws it too
     */
    ExampleReader open(Shard shard, LongPredicate wanted, long first, ReadListener listener);

    /**
     * Looks at the beginning of a shard only.
     *
     * @throws org.rekindle.data.UserException when the shard cannot be read or is of another format
     */
    void require(Shard shard);

    /** Opens a shard to read all of it. */
    default ExampleReader open(Shard shard, ReadListener listener) {
        return open(shard, index -> true, 0, listener);
    }
}

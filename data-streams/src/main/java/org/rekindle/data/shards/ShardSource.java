package org.rekindle.data.shards;

import java.util.stream.Stream;

/** Where {@code shards make} takes its examples from. */
public interface ShardSource {

    /**
     * Returns all examples, always the same ones in the same order. They are read as the stream is consumed; the caller closes it.
     *
     * @throws org.rekindle.data.UserException when the source cannot be read; also while the stream is consumed
     */
    Stream<ShardExample> examples();

    /** The examples from a number on, counted from 0. */
    default Stream<ShardExample> examples(long first) {
        return examples().skip(first);
    }
}

package org.rekindle.data.formats;

import java.util.List;

/**
 * Where the examples of one shard begin, so that a resumed lane goes there at once.
 *
 * @param version of the file format, {@value #VERSION}
 * @param length of the shard in bytes; an index of another length is stale
 * @param offsets byte of each example's first header, in the shard's order
 */
public record ShardIndex(int version, long length, List<Long> offsets) {

    static final int VERSION = 1;

    ShardIndex(long length, List<Long> offsets) {
        this(VERSION, length, offsets);
    }

    /** Returns where an example begins; behind the last one the end of the shard, where nothing follows. */
    long offset(long example) {
        return example < offsets.size() ? offsets.get((int) example) : length;
    }
}

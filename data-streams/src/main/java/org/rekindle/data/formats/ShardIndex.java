package org.rekindle.data.formats;

import java.util.List;

/**
 * Where the examples of one shard begin, so that a resumed lane goes there at once.
 *
 * @param version of the file format, {@value #VERSION}
 * @param length of the shard in bytes; an index of another length is stale
 * @param offsets byte of each example's first header, in the shard's order
 * @param members name of each example's first member; an index is stale too where another one begins
 */
public record ShardIndex(int version, long length, List<Long> offsets, List<String> members) {

    static final int VERSION = 2;

    ShardIndex(long length, List<Long> offsets, List<String> members) {
        this(VERSION, length, offsets, members);
    }

    /** Where to begin reading a shard: the number of an example, and the byte of its first header. */
    record Place(long example, long offset) {
        static final Place START = new Place(0, 0);
    }

    /** Returns where an example begins; behind the last one where that one does. */
    Place place(long example) {
        int at = (int) Math.min(example, offsets.size() - 1L);
        return at < 0 ? Place.START : new Place(at, offsets.get(at));
    }
}

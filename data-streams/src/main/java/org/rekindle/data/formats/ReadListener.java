package org.rekindle.data.formats;

import org.rekindle.data.stores.Shard;

/** Hears what a reader meets on its way; called by the reading thread. */
public interface ReadListener {

    /** Hears nothing. */
    ReadListener NONE = new ReadListener() {};

    /**
     * An example of a tar begins, wanted or not.
     *
     * @param member name of its first member
     * @param offset byte of the tar where that one's header begins
     */
    default void example(String member, long offset) {}

    /** A member was read whole. */
    default void member(long bytes) {}

    /**
     * A shard cannot be opened or read on, and what follows in it is left out; may throw to end the reading.
     */
    default void failed(Shard shard, ShardFailure failure) {
        corrupt(shard.name(), failure.getMessage() + "; what follows in this shard is left out");
    }

    /**
     * Something could not be read and is left out.
     *
     * @param where the shard, or {@code shard#member}
     * @param why what is wrong with it
     */
    default void corrupt(String where, String why) {}
}

package org.rekindle.data.formats;

/**
 * One example of a shard, undecoded.
 *
 * @param shard file name of the shard
 * @param key what its members' names share, up to the first dot of the base name
 * @param index number in the shard's order, from 0, counted before any filter
 * @param image the encoded image; null without one
 * @param caption the text; null without one
 * @param json the encoded metadata; null without any
 */
public record Example(String shard, String key, long index, byte[] image, String caption, byte[] json) {

    /** Returns {@code shard#key}, how messages and the ledger name the example. */
    public String name() {
        return shard + "#" + key;
    }
}

package org.rekindle.data.lanes;

import org.rekindle.data.stores.Shard;

/**
 * The examples of one shard whose index in the tar's order is {@code remainder} modulo {@code modulus}; the whole shard when the
 * modulus is 1.
 */
public record ShardRange(Shard shard, int modulus, int remainder) {

    public boolean contains(long index) {
        return index % modulus == remainder;
    }
}

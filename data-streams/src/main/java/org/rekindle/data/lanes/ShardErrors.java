package org.rekindle.data.lanes;

import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.ShardFailure;

/**
 * What becomes of a lane when a shard fails: {@code dataset.params.on_shard_error}.
 *
 * @param policy {@code skip}, {@code stop}, or null: what is damaged is so at every reading and is skipped, what cannot be had stops
 */
record ShardErrors(String policy) {

    /** Returns whether the lane goes on without the rest of the shard. */
    boolean skips(ShardFailure failure) {
        return policy == null ? failure.isDamage() : policy.equals(DatasetConfig.Params.SKIP);
    }

    static UserException stopped(ShardFailure failure) {
        return new UserException(
                failure.getMessage()
                        + "; once it can be read again the same command goes on where it stopped, and with"
                        + " dataset.params.on_shard_error=skip it goes on without the rest of such shards",
                failure);
    }
}

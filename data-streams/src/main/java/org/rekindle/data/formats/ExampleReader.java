package org.rekindle.data.formats;

/** The examples of one shard, one after the other. One thread; any thread may close, which ends a wait for bytes. */
public interface ExampleReader extends AutoCloseable {

    /**
     * Returns the next wanted example, or null at the end of the shard.
     *
     * @throws ShardFailure when the shard cannot be read on; what was returned before stands
     */
    Example next();

    @Override
    void close();
}

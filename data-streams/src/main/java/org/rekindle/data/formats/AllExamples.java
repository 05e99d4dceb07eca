package org.rekindle.data.formats;

import java.util.Iterator;
import java.util.List;
import org.rekindle.data.stores.Shard;

/** The examples of several shards, one shard after the other; what cannot be read of a shard is told to the listener and left out. */
final class AllExamples implements ExampleReader {

    private final ExampleFormat format;
    private final ReadListener listener;
    private final Iterator<Shard> shards;
    private Shard shard;
    private ExampleReader reader;

    AllExamples(List<Shard> shards, ExampleFormat format, ReadListener listener) {
        this.format = format;
        this.listener = listener;
        this.shards = shards.iterator();
    }

    @Override
    public Example next() {
        while (reader != null || shards.hasNext()) {
            Example next = nextOfShard();
            if (next != null) {
                return next;
            }
            close();
        }
        return null;
    }

    private Example nextOfShard() {
        try {
            if (reader == null) {
                shard = shards.next();
                reader = format.open(shard, listener);
            }
            return reader.next();
        } catch (ShardFailure e) {
            listener.failed(shard, e);
            return null;
        }
    }

    @Override
    public void close() {
        if (reader != null) {
            reader.close();
            reader = null;
        }
    }
}

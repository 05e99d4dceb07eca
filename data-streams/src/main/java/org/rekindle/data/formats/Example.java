package org.rekindle.data.formats;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;

/**
 * One example of a shard, undecoded.
 *
 * @param shard name of the shard
 * @param key what tells it from the shard's others, such as what its members' names share
 * @param index number in the shard's order, from 0, counted before any filter
 * @param image the encoded image; null without one
 * @param captions one or more texts for the image; empty without any
 * @param metadata what filters may ask for; null without any
 */
public record Example(
        String shard, String key, long index, EncodedImage image, List<String> captions, Metadata metadata) {

    /** Larger members are no training image; without a bound a damaged header could ask for all memory. */
    static final long MAX_MEMBER_BYTES = 256L << 20;

    /** Metadata that is parsed when it is asked for. */
    public interface Metadata {

        /** @throws IOException when it is malformed; the message follows the example's name */
        JsonNode read() throws IOException;
    }

    /** Returns {@code shard#key}, how messages and the ledger name the example. */
    public String name() {
        return shard + "#" + key;
    }

    /** Returns the same example with another image. */
    public Example withImage(EncodedImage other) {
        return new Example(shard, key, index, other, captions, metadata);
    }
}

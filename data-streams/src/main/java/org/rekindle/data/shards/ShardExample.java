package org.rekindle.data.shards;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;

/**
 * One captioned image on its way into a shard.
 *
 * @param key name in the shard, without a dot in its last part; unique within the source
 * @param image the encoded image; null for one that is left out
 * @param extension what the image is encoded as: {@code jpg}, {@code png} or {@code webp}
 * @param caption what the image shows
 * @param json metadata that filters may ask for; null for none
 */
public record ShardExample(String key, byte[] image, String extension, String caption, ObjectNode json) {

    /**
     * Returns the metadata that an example keeps in a shard: its own, and the list of its captions where there are several.
     *
     * @return null where there is nothing to keep
     * @throws IOException when its metadata are malformed
     */
    public static ObjectNode metadata(Example example) throws IOException {
        JsonNode node = example.metadata() == null ? null : example.metadata().read();
        ObjectNode metadata = node instanceof ObjectNode object ? object.deepCopy() : null;
        if (example.captions().size() > 1) {
            metadata = metadata == null ? JsonNodeFactory.instance.objectNode() : metadata;
            example.captions().forEach(metadata.putArray(DataSet.CAPTIONS)::add);
        }
        return metadata;
    }
}

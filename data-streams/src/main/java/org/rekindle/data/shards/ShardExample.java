package org.rekindle.data.shards;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * One captioned image on its way into a shard.
 *
 * @param key name in the shard, without a dot in its last part; unique within the source
 * @param image the encoded image; null for one that is left out
 * @param extension what the image is encoded as: {@code jpg}, {@code png} or {@code webp}
 * @param caption what the image shows
 * @param json metadata that filters may ask for; null for none
 */
public record ShardExample(String key, byte[] image, String extension, String caption, ObjectNode json) {}

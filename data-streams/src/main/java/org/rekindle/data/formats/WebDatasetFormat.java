package org.rekindle.data.formats;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.LongPredicate;
import org.rekindle.data.UserException;
import org.rekindle.data.filters.MetadataFilters;
import org.rekindle.data.stores.Compression;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.SeekableBytes;
import org.rekindle.data.stores.Shard;

/**
 * Tar shards of WebDataset. By default image bytes come from the first of the suffixes jpg, png, jpeg, webp, the caption from txt,
 * metadata from json, and of a classification data set the class from cls.
 *
 * @param images suffixes of the encoded image, in the order of preference
 * @param captions suffixes of the caption, or {@code json.KEY}; not looked at where there are classes
 * @param json suffixes of the metadata
 * @param cls suffixes of the class
 * @param classes the prompts of each class; null for captioned data
 * @param imagesLast whether most images are not wanted: those of local shards are then read after the rest of their example
 * @param indexes finds a shard's index; null to look for none
 */
public record WebDatasetFormat(
        List<String> images,
        List<String> captions,
        List<String> json,
        List<String> cls,
        ClassPrompts classes,
        boolean imagesLast,
        ShardIndexes indexes)
        implements ExampleFormat {

    private static final String OF_METADATA = "json.";
    private static final int BUFFER_BYTES = 1 << 16;

    /** @param fields null for the defaults */
    public static WebDatasetFormat of(
            FieldsConfig fields, ClassPrompts classes, boolean imagesLast, ShardIndexes indexes) {
        FieldsConfig given = fields == null ? new FieldsConfig(null, null, null, null) : fields;
        return new WebDatasetFormat(
                FieldsConfig.names(given.image(), "jpg;png;jpeg;webp"),
                FieldsConfig.names(given.caption(), "txt"),
                FieldsConfig.names(given.json(), "json"),
                FieldsConfig.names(given.cls(), "cls"),
                classes,
                imagesLast,
                indexes);
    }

    /** The suffixes that WebDataset's tools write. */
    public static final WebDatasetFormat DEFAULT = of(null, null, false, null);

    @Override
    public ExampleReader open(Shard shard, LongPredicate wanted, long first, ReadListener listener) {
        ShardIndex.Place from = first > 0 && indexes != null ? indexes.place(shard, first) : ShardIndex.Place.START;
        TarMembers tar = members(shard, from.offset());
        try {
            boolean later = imagesLast && !tar.isCompressed();
            LaterRead images = later && shard instanceof LocalShard local ? new LaterRead(local.path()) : null;
            return new WebDatasetReader(this, tar, images, shard, from.example(), wanted, listener);
        } catch (IOException e) {
            throw unreadable(shard, e);
        }
    }

    @Override
    public void require(Shard shard) {
        try (TarMembers tar = members(shard, 0)) {
            try {
                tar.next();
            } catch (ShardFailure e) {
                if (tar.failedMember() == null) {
                    throw e;
                }
            }
        } catch (ShardFailure e) {
            throw new UserException(e.getMessage(), e);
        }
    }

    static boolean isCompressed(Shard shard) {
        try (TarMembers tar = members(shard, 0)) {
            return tar.isCompressed();
        }
    }

    /** @throws ShardFailure when the shard cannot be opened */
    static TarMembers members(Shard shard, long offset) {
        try {
            InputStream bytes = shard.open(offset);
            try {
                return members(shard, offset, bytes);
            } catch (IOException e) {
                bytes.close();
                throw e;
            }
        } catch (IOException e) {
            throw unreadable(shard, e);
        }
    }

    /** Of a compressed tar, and of one whose store would have to be asked, only reading tells the length. */
    private static TarMembers members(Shard shard, long offset, InputStream bytes) throws IOException {
        InputStream marked = StoreFailure.marked(bytes);
        BufferedInputStream buffered = new BufferedInputStream(marked, BUFFER_BYTES);
        Compression compression = offset == 0 ? Compression.of(buffered) : Compression.NONE;
        if (compression != Compression.NONE) {
            return TarMembers.compressed(shard.location(), compression.open(buffered));
        } else if (bytes instanceof SeekableBytes seekable) {
            seekable.seek(offset);
            return TarMembers.seekable(shard.location(), seekable, marked, offset, shard.length());
        }
        return TarMembers.streamed(shard.location(), buffered, offset);
    }

    private static ShardFailure unreadable(Shard shard, IOException e) {
        return ShardFailure.unavailable(
                "shard " + shard.location() + " cannot be read (" + e.getMessage()
                        + "): check that it is a file and its permissions",
                e);
    }

    /** Returns whether members of this suffix are read, images aside. */
    boolean reads(String suffix) {
        return json.contains(suffix) || (classes == null ? captions : cls).contains(suffix);
    }

    /** @param texts bytes of the members that {@link #reads} asked for, by suffix */
    Example example(
            String shard,
            String key,
            long index,
            EncodedImage image,
            Map<String, byte[]> texts,
            ReadListener listener) {
        byte[] encoded = json.stream()
                .map(texts::get)
                .filter(text -> text != null)
                .findFirst()
                .orElse(null);
        Example.Metadata metadata = encoded == null ? null : () -> MetadataFilters.metadata(encoded);
        List<String> captions = classes == null ? captions(texts, metadata) : prompts(shard, key, texts, listener);
        return new Example(shard, key, index, image, captions, metadata);
    }

    private List<String> captions(Map<String, byte[]> texts, Example.Metadata metadata) {
        for (String name : captions) {
            if (texts.containsKey(name)) {
                return List.of(text(texts.get(name)));
            }
            List<String> found =
                    name.startsWith(OF_METADATA) ? captions(metadata, name.substring(OF_METADATA.length())) : List.of();
            if (!found.isEmpty()) {
                return found;
            }
        }
        return List.of();
    }

    private static List<String> captions(Example.Metadata metadata, String key) {
        List<String> found = new ArrayList<>();
        try {
            JsonNode node = metadata == null ? null : metadata.read();
            JsonNode value = node == null ? null : node.get(key);
            if (value != null && value.isTextual()) {
                found.add(value.textValue().strip());
            } else if (value != null && value.isArray()) {
                value.forEach(text -> {
                    if (text.isTextual()) {
                        found.add(text.textValue().strip());
                    }
                });
            }
        } catch (IOException e) {
            // Malformed metadata give no caption, and are reported where the filters ask for them.
            return List.of();
        }
        return found;
    }

    private List<String> prompts(String shard, String key, Map<String, byte[]> texts, ReadListener listener) {
        for (String name : cls) {
            byte[] label = texts.get(name);
            if (label != null) {
                List<String> prompts = classes.of(text(label));
                if (prompts.isEmpty()) {
                    listener.corrupt(
                            shard + "#" + key,
                            "its class " + text(label) + " has no prompt in dataset.params.class_mapping");
                }
                return prompts;
            }
        }
        return List.of();
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8).strip();
    }
}

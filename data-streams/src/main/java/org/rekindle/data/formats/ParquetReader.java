package org.rekindle.data.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.LongPredicate;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;
import org.rekindle.data.stores.Shard;

/** The rows of one Parquet file: all columns but the image's first, image bytes when they are asked for. */
final class ParquetReader implements ExampleReader {

    private static final String PATH = "path";

    private final ParquetFormat format;
    private final Shard shard;
    private final ParquetFileReader file;
    private final MessageType light;
    private final ParquetImages images;
    private final LongPredicate wanted;
    private final ReadListener listener;
    private final List<Long> rowsOfGroups;
    private final String imageColumn;
    private final String described;
    private final String key;
    private int group;
    private long row;
    private long index;
    private RecordReader<Group> rows;

    ParquetReader(
            ParquetFormat format,
            Shard shard,
            ParquetFileReader file,
            LongPredicate wanted,
            long first,
            ReadListener listener)
            throws IOException {
        this.format = format;
        this.shard = shard;
        this.file = file;
        this.wanted = wanted;
        this.listener = listener;
        this.rowsOfGroups =
                file.getRowGroups().stream().map(BlockMetaData::getRowCount).toList();
        MessageType schema = file.getFileMetaData().getSchema();
        List<String> names = schema.getFields().stream().map(Type::getName).toList();
        this.imageColumn = TableColumns.first(format.columns().images(), names).orElseThrow();
        this.described = TableColumns.first(format.columns().described(), names).orElseThrow();
        this.key = TableColumns.first(format.columns().keys(), names).orElse(null);
        Type image = schema.getType(imageColumn);
        this.images = ParquetImages.holdBytes(image) ? new ParquetImages(shard, image) : null;
        this.light = new MessageType(
                schema.getName(),
                schema.getFields().stream()
                        .map(type -> images == null || type != image ? type : withoutBytes(type))
                        .filter(Objects::nonNull)
                        .toList());
        file.setRequestedSchema(light);
        while (group < rowsOfGroups.size() && index + rowsOfGroups.get(group) <= first) {
            index += rowsOfGroups.get(group);
            group++;
            file.skipNextRowGroup();
        }
    }

    @Override
    public Example next() {
        try {
            while (group < rowsOfGroups.size()) {
                if (rows == null) {
                    PageReadStore pages = new FullPages(file.readNextRowGroup());
                    rows = new ColumnIOFactory()
                            .getColumnIO(light)
                            .getRecordReader(pages, new GroupRecordConverter(light));
                    row = 0;
                }
                while (row < rowsOfGroups.get(group)) {
                    Group values = rows.read();
                    long at = index++;
                    long inGroup = row++;
                    if (wanted.test(at)) {
                        return example(values, at, group, inGroup);
                    }
                }
                rows = null;
                group++;
            }
            return null;
        } catch (IOException | RuntimeException e) {
            throw ParquetFormat.failure(shard, e);
        }
    }

    private Example example(Group values, long at, int inGroup, long inRow) {
        ObjectNode metadata = ParquetValues.object(values);
        JsonNode named = key == null ? null : metadata.get(key);
        String name = named == null || named.isNull() ? "%09d".formatted(at) : named.asText();
        String example = shard.name() + "#" + name;
        List<String> captions = captions(metadata.get(described), example);
        EncodedImage located = located(metadata.get(imageColumn), example);
        EncodedImage image = images == null ? located : bytes(inGroup, inRow, located);
        return new Example(shard.name(), name, at, image, captions, () -> metadata);
    }

    private List<String> captions(JsonNode value, String example) {
        List<String> texts = new ArrayList<>();
        if (value != null && value.isValueNode() && !value.isNull()) {
            texts.add(value.asText().strip());
        } else if (value != null && value.isArray()) {
            value.forEach(text -> {
                if (text.isTextual()) {
                    texts.add(text.textValue().strip());
                }
            });
        }
        return texts.isEmpty() || format.columns().classes() == null
                ? texts
                : format.columns().prompts(example, texts.get(0), listener);
    }

    /** A path or URL, alone or as the {@code path} of a struct. */
    private EncodedImage located(JsonNode value, String example) {
        JsonNode path = value != null && value.isObject() ? value.get(PATH) : value;
        if (path == null || !path.isTextual() || path.textValue().isBlank()) {
            return null;
        }
        try {
            return LocatedImage.of(path.textValue().strip(), shard, format.stores());
        } catch (IOException e) {
            listener.corrupt(example, e.getMessage());
            return null;
        }
    }

    /** Returns what is read of an image before its bytes are asked for: Hugging Face's struct names a path where it has none. */
    private static Type withoutBytes(Type image) {
        return image.isPrimitive() || !image.asGroupType().containsField(PATH)
                ? null
                : image.asGroupType().withNewFields(List.of(image.asGroupType().getType(PATH)));
    }

    /** @param located where the image is when its bytes are null; null for none */
    private EncodedImage bytes(int inGroup, long inRow, EncodedImage located) {
        return new EncodedImage() {
            @Override
            public byte[] read() throws IOException {
                byte[] embedded = images.read(inGroup, inRow);
                if (embedded == null && located == null) {
                    throw new IOException("has no image bytes");
                }
                byte[] bytes = embedded == null ? located.read() : embedded;
                listener.member(bytes.length);
                return bytes;
            }

            @Override
            public EncodedImage kept() throws IOException {
                return EncodedImage.of(read());
            }
        };
    }

    @Override
    public void close() {
        try {
            file.close();
            if (images != null) {
                images.close();
            }
        } catch (IOException e) {
            // Nothing depends on how a stream ends that nobody reads any more.
            return;
        }
    }
}

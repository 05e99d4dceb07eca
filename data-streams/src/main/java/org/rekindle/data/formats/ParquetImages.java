package org.rekindle.data.formats;

import java.io.IOException;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.rekindle.data.stores.Shard;

/** The image bytes of a Parquet file, read row by row, forwards. One thread. */
final class ParquetImages implements AutoCloseable {

    private static final String BYTES = "bytes";

    private final Shard shard;
    private final Type column;
    private ParquetFileReader file;
    private MessageType schema;
    private RecordReader<Group> rows;
    private int group = -1;
    private long row;
    private byte[] current;

    ParquetImages(Shard shard, Type column) {
        this.shard = shard;
        this.column = column;
    }

    /** Whether a column holds bytes, alone or as the field {@code bytes} of a struct, rather than paths. */
    static boolean holdBytes(Type column) {
        if (column.isPrimitive()) {
            boolean text =
                    column.getLogicalTypeAnnotation() instanceof LogicalTypeAnnotation.StringLogicalTypeAnnotation;
            return column.asPrimitiveType().getPrimitiveTypeName() == PrimitiveTypeName.BINARY && !text;
        }
        return column.asGroupType().containsField(BYTES);
    }

    /**
     * Returns the image of a row, at or behind the one asked for before; null when there is none.
     *
     * @throws IOException when it cannot be read
     */
    byte[] read(int inGroup, long inRow) throws IOException {
        try {
            if (file == null) {
                file = ParquetFormat.file(shard);
                schema = new MessageType("images", column);
                file.setRequestedSchema(schema);
            }
            if (inGroup != group) {
                rows = new ColumnIOFactory()
                        .getColumnIO(schema)
                        .getRecordReader(new FullPages(file.readRowGroup(inGroup)), new GroupRecordConverter(schema));
                group = inGroup;
                row = 0;
            }
            while (row <= inRow) {
                Group values = rows.read();
                current = row == inRow ? bytes(values) : null;
                row++;
            }
        } catch (IOException | RuntimeException e) {
            ShardFailure failure = ParquetFormat.failure(shard, e);
            if (!failure.isDamage()) {
                throw failure;
            }
            throw new IOException(
                    "cannot be read (" + String.valueOf(e.getMessage()).replaceAll("\\s+", " ") + ")", e);
        }
        return current;
    }

    private byte[] bytes(Group values) {
        if (values.getFieldRepetitionCount(0) == 0) {
            return null;
        } else if (column.isPrimitive()) {
            return values.getBinary(0, 0).getBytes();
        }
        Group struct = values.getGroup(0, 0);
        return struct.getFieldRepetitionCount(BYTES) == 0
                ? null
                : struct.getBinary(BYTES, 0).getBytes();
    }

    @Override
    public void close() throws IOException {
        if (file != null) {
            file.close();
        }
    }
}

package org.rekindle.data.formats;

import java.io.IOException;
import java.util.List;
import java.util.function.LongPredicate;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.schema.Type;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.Shard;
import org.rekindle.data.stores.Stores;

/**
 * Parquet files: a column of image bytes (alone or as a struct with {@code bytes}, as Hugging Face writes it), or of paths or URLs; a column
 * of captions, texts or lists of texts; the rest metadata. One row group of columns is in memory at a time, of image bytes only one of
 * which an example is accepted.
 *
 * @param stores for images by URL
 */
record ParquetFormat(TableColumns columns, Stores stores) implements ExampleFormat {

    private static final ParquetReadOptions OPTIONS = ParquetReadOptions.builder(new PlainParquetConfiguration())
            .withAllocator(new org.apache.parquet.bytes.HeapByteBufferAllocator())
            .build();

    @Override
    public ExampleReader open(Shard shard, LongPredicate wanted, long first, ReadListener listener) {
        try {
            ParquetFileReader file = file(shard);
            try {
                List<String> names = file.getFileMetaData().getSchema().getFields().stream()
                        .map(Type::getName)
                        .toList();
                columns.require("shard " + shard.location(), names);
                return new ParquetReader(this, shard, file, wanted, first, listener);
            } catch (IOException | RuntimeException e) {
                file.close();
                throw e;
            }
        } catch (UserException e) {
            throw ShardFailure.damaged(e.getMessage());
        } catch (IOException | RuntimeException e) {
            throw failure(shard, e);
        }
    }

    @Override
    public void require(Shard shard) {
        try (ExampleReader reader = open(shard, index -> false, Long.MAX_VALUE, ReadListener.NONE)) {
            // Opening reads the footer.
            return;
        } catch (ShardFailure e) {
            throw new UserException(e.getMessage(), e);
        }
    }

    static ParquetFileReader file(Shard shard) throws IOException {
        return ParquetFileReader.open(new ShardInputFile(shard), OPTIONS);
    }

    /** Tells a store that gives no more from a file that makes no sense. */
    static ShardFailure failure(Shard shard, Exception e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof StoreFailure) {
                return ShardFailure.unavailable(
                        "shard " + shard.location() + " cannot be read (" + cause.getMessage() + ")", e);
            }
        }
        String why = String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
        return ShardFailure.damaged("shard " + shard.location() + " is no whole Parquet file (" + why + ")");
    }
}

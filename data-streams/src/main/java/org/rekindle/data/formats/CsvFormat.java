package org.rekindle.data.formats;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.function.LongPredicate;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.DuplicateHeaderMode;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.Shard;
import org.rekindle.data.stores.Stores;

/**
 * CSV files, or TSV by their ending, in UTF-8 with a header line: a column of paths or URLs, a column of captions, the rest metadata.
 *
 * @param stores for images by URL
 */
record CsvFormat(TableColumns columns, Stores stores) implements ExampleFormat {

    private static final char BYTE_ORDER_MARK = '\uFEFF';

    @Override
    public ExampleReader open(Shard shard, LongPredicate wanted, long first, ReadListener listener) {
        try {
            RowText text = text(shard);
            CSVParser parser = parser(shard, text);
            try {
                columns.require("shard " + shard.location(), parser.getHeaderNames());
            } catch (UserException e) {
                parser.close();
                throw ShardFailure.damaged(e.getMessage());
            }
            return new CsvReader(this, shard, parser, text, wanted, listener);
        } catch (IOException | UncheckedIOException | IllegalArgumentException e) {
            throw failure(shard, e);
        }
    }

    @Override
    public void require(Shard shard) {
        try (ExampleReader reader = open(shard, index -> false, 0, ReadListener.NONE)) {
            // Opening reads the header.
            return;
        } catch (ShardFailure e) {
            throw new UserException(e.getMessage(), e);
        }
    }

    private static RowText text(Shard shard) throws IOException {
        InputStream bytes = StoreFailure.marked(shard.open(0));
        try {
            Reader text = new BufferedReader(new InputStreamReader(
                    bytes,
                    StandardCharsets.UTF_8
                            .newDecoder()
                            .onMalformedInput(CodingErrorAction.REPORT)
                            .onUnmappableCharacter(CodingErrorAction.REPORT)));
            text.mark(1);
            if (text.read() != BYTE_ORDER_MARK) {
                text.reset();
            }
            return new RowText(text);
        } catch (IOException e) {
            bytes.close();
            throw e;
        }
    }

    private static CSVParser parser(Shard shard, RowText text) throws IOException {
        try {
            boolean tabs = shard.name().toLowerCase(Locale.ROOT).endsWith(".tsv");
            CSVFormat format = (tabs ? CSVFormat.TDF : CSVFormat.DEFAULT)
                    .builder()
                    .setHeader()
                    .setSkipHeaderRecord(true)
                    .setDuplicateHeaderMode(DuplicateHeaderMode.ALLOW_EMPTY)
                    // The index that pandas writes has no name.
                    .setAllowMissingColumnNames(true)
                    .setIgnoreSurroundingSpaces(false)
                    .get();
            return CSVParser.parse(text, format);
        } catch (IOException | RuntimeException e) {
            text.close();
            throw e;
        }
    }

    /** Tells a store that gives no more from a table that makes no sense. */
    static ShardFailure failure(Shard shard, Exception e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof StoreFailure) {
                return ShardFailure.unavailable(
                        "shard " + shard.location() + " cannot be read on (" + cause.getMessage() + ")", e);
            } else if (cause instanceof java.nio.charset.CharacterCodingException) {
                return ShardFailure.damaged("shard " + shard.location() + " is not a text in UTF-8");
            }
        }
        if (e instanceof IOException && !(e instanceof org.apache.commons.csv.CSVException)) {
            return ShardFailure.unavailable(
                    "shard " + shard.location() + " cannot be read (" + e.getMessage() + ")", e);
        }
        return ShardFailure.damaged("shard " + shard.location() + " is no CSV file with a header line ("
                + String.valueOf(e.getMessage()).replaceAll("\\s+", " ") + ")");
    }
}

package org.rekindle.data.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Iterator;
import java.util.List;
import java.util.function.LongPredicate;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.rekindle.data.stores.Shard;

/** The rows of one CSV file. */
final class CsvReader implements ExampleReader {

    private final CsvFormat format;
    private final Shard shard;
    private final CSVParser parser;
    private final RowText text;
    private final Iterator<CSVRecord> rows;
    private final LongPredicate wanted;
    private final ReadListener listener;
    private final List<String> header;
    private final String image;
    private final String described;
    private final String key;
    private long index = -1;

    CsvReader(
            CsvFormat format,
            Shard shard,
            CSVParser parser,
            RowText text,
            LongPredicate wanted,
            ReadListener listener) {
        this.format = format;
        this.shard = shard;
        this.parser = parser;
        this.text = text;
        this.rows = parser.iterator();
        this.wanted = wanted;
        this.listener = listener;
        this.header = parser.getHeaderNames();
        TableColumns columns = format.columns();
        this.image = TableColumns.first(columns.images(), header).orElseThrow();
        this.described = TableColumns.first(columns.described(), header).orElseThrow();
        this.key = TableColumns.first(columns.keys(), header).orElse(null);
    }

    @Override
    public Example next() {
        try {
            while (rows.hasNext()) {
                CSVRecord row = rows.next();
                text.row();
                index++;
                if (wanted.test(index) && isWhole(row)) {
                    return example(row);
                }
            }
            return null;
        } catch (UncheckedIOException | IllegalArgumentException | IllegalStateException e) {
            throw CsvFormat.failure(shard, e instanceof UncheckedIOException io ? io.getCause() : e);
        }
    }

    /** A row of another length has a comma or a line break in an unquoted text: no column of it can be trusted. */
    private boolean isWhole(CSVRecord row) {
        if (!row.isConsistent()) {
            listener.corrupt(
                    shard.name() + "#%09d".formatted(index),
                    "its row has " + row.size() + " columns, the header " + header.size()
                            + ": quote texts that hold delimiters or line breaks");
        }
        return row.isConsistent();
    }

    private Example example(CSVRecord row) {
        String name = key == null || !row.isSet(key) || row.get(key).isBlank()
                ? "%09d".formatted(index)
                : row.get(key).strip();
        String text = row.isSet(described) ? row.get(described).strip() : "";
        String example = shard.name() + "#" + name;
        List<String> captions = text.isEmpty()
                ? List.of()
                : format.columns().classes() == null
                        ? List.of(text)
                        : format.columns().prompts(example, text, listener);
        listener.member(text.length());
        return new Example(shard.name(), name, index, image(example, row), captions, () -> metadata(row));
    }

    private EncodedImage image(String example, CSVRecord row) {
        String location = row.isSet(image) ? row.get(image).strip() : "";
        if (location.isEmpty()) {
            return null;
        }
        try {
            return LocatedImage.of(location, shard, format.stores());
        } catch (IOException e) {
            listener.corrupt(example, e.getMessage());
            return null;
        }
    }

    private JsonNode metadata(CSVRecord row) {
        ObjectNode metadata = JsonNodeFactory.instance.objectNode();
        for (String column : header) {
            if (!column.equals(image) && row.isSet(column)) {
                metadata.set(column, value(row.get(column).strip()));
            }
        }
        return metadata;
    }

    private static JsonNode value(String text) {
        if (text.isEmpty()) {
            return JsonNodeFactory.instance.nullNode();
        } else if (text.matches("[+-]?\\d{1,18}")) {
            return JsonNodeFactory.instance.numberNode(Long.parseLong(text));
        } else if (text.matches("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d{1,3})?")) {
            return JsonNodeFactory.instance.numberNode(Double.parseDouble(text));
        } else if (text.equalsIgnoreCase("true") || text.equalsIgnoreCase("false")) {
            return JsonNodeFactory.instance.booleanNode(text.equalsIgnoreCase("true"));
        }
        return JsonNodeFactory.instance.textNode(text);
    }

    @Override
    public void close() {
        try {
            parser.close();
        } catch (IOException e) {
            // Nothing depends on how a stream ends that nobody reads any more.
            return;
        }
    }
}

package org.rekindle.data.shards;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.rekindle.data.UserException;

/**
 * The rows of a CSV file with the columns {@code path} and {@code caption}; other columns are ignored. Paths are relative to the file's
 * folder. Keys are the rows' numbers.
 *
 * @param file the CSV file, UTF-8, with a header line
 */
public record CsvSource(Path file) implements ShardSource {

    private static final CSVFormat FORMAT =
            CSVFormat.DEFAULT.builder().setHeader().setSkipHeaderRecord(true).get();

    @Override
    public Stream<ShardExample> examples() {
        try {
            CSVParser parser = CSVParser.parse(file, StandardCharsets.UTF_8, FORMAT);
            List<String> columns = parser.getHeaderNames();
            if (!columns.contains("path") || !columns.contains("caption")) {
                parser.close();
                throw new UserException("CSV file " + file + " has the columns " + columns
                        + ", needed are path and caption: name them so in its first line");
            }
            Iterator<CSVRecord> rows = parser.iterator();
            return Stream.generate(() -> next(rows))
                    .takeWhile(Objects::nonNull)
                    .map(this::example)
                    .onClose(() -> close(parser));
        } catch (IOException | IllegalArgumentException e) {
            throw unreadable(e);
        }
    }

    /** Returns the next row, or null at the end. */
    private CSVRecord next(Iterator<CSVRecord> rows) {
        try {
            return rows.hasNext() ? rows.next() : null;
        } catch (UncheckedIOException e) {
            throw unreadable(e.getCause());
        }
    }

    private UserException unreadable(Exception e) {
        return new UserException(
                "CSV file " + file + " cannot be read ("
                        + UserException.reason(e)
                        + "): give a UTF-8 file with a header line",
                e);
    }

    private ShardExample example(CSVRecord row) {
        if (!row.isSet("path") || !row.isSet("caption")) {
            throw new UserException("CSV file " + file + ", row " + row.getRecordNumber()
                    + " has fewer columns than the header: quote captions that hold commas or line breaks");
        }
        Path image = file.toAbsolutePath().resolveSibling(row.get("path"));
        String extension = ImageFiles.extension(image);
        if (extension == null) {
            throw new UserException("CSV file " + file + ", row " + row.getRecordNumber() + " names " + row.get("path")
                    + ", expected a .jpg, .jpeg, .png or .webp file");
        }
        try {
            String key = String.format("%09d", row.getRecordNumber());
            return new ShardExample(
                    key,
                    Files.readAllBytes(image),
                    extension,
                    row.get("caption").strip(),
                    null);
        } catch (IOException e) {
            throw new UserException(
                    "CSV file " + file + ", row " + row.getRecordNumber() + " names an image that cannot be read: "
                            + image + " (paths are relative to the CSV file's folder)",
                    e);
        }
    }

    private static void close(CSVParser parser) {
        try {
            parser.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

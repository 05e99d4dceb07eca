package org.rekindle.worker.diffusion;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.rekindle.data.UserException;

/**
 * The captions to draw, from a CSV file with the columns {@code uid} and {@code caption} and, where wanted, {@code negative_prompt};
 * other columns are ignored.
 */
public final class PromptList {

    /** What a file name may be on every system; keeps uids from reaching out of the folder. */
    private static final String UID = "[\\p{L}\\p{N}_-][\\p{L}\\p{N}._ -]{0,199}";

    private static final String NEGATIVE_PROMPT = "negative_prompt";

    private PromptList() {}

    /**
     * A caption and its name.
     *
     * @param uid names the image file
     * @param negativePrompt what guidance leads away from; empty for none
     */
    public record Entry(String uid, String caption, String negativePrompt) {

        public Entry(String uid, String caption) {
            this(uid, caption, "");
        }
    }

    /**
     * Reads a CSV file.
     *
     * @throws UserException naming file and line when it is missing, has no such columns, or a uid is absent, doubled or no file name
     */
    public static List<Entry> read(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new UserException(file + ": no such file; expected a CSV file with the columns uid and caption");
        }
        CSVFormat format = CSVFormat.DEFAULT
                .builder()
                .setHeader()
                .setSkipHeaderRecord(true)
                .setTrim(true)
                .get();
        List<Entry> entries = new ArrayList<>();
        Set<String> uids = new HashSet<>();
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8);
                CSVParser parser = format.parse(reader)) {
            if (!parser.getHeaderNames().containsAll(List.of("uid", "caption"))) {
                throw new UserException(
                        file + ": its columns are " + parser.getHeaderNames() + ", expected uid and caption");
            }
            for (CSVRecord row : parser) {
                entries.add(entry(file, parser.getCurrentLineNumber(), row, uids));
            }
        } catch (IOException | UncheckedIOException | IllegalArgumentException e) {
            throw new UserException(file + ": not a CSV file in UTF-8 (" + e.getMessage() + ")", e);
        }
        if (entries.isEmpty()) {
            throw new UserException(file + ": has no line below its header; expected uid and caption");
        }
        return entries;
    }

    private static Entry entry(Path file, long line, CSVRecord row, Set<String> uids) {
        if (!row.isConsistent()) {
            throw new UserException(
                    file + ":" + line + ": has " + row.size() + " values, the header has more or fewer");
        }
        String uid = row.get("uid");
        if (!uid.matches(UID)) {
            throw new UserException(
                    file + ":" + line + ": uid \"" + uid + "\" does not make a file name; use letters, digits, . _ -");
        }
        if (uid.equals("grid")) {
            throw new UserException(file + ":" + line + ": uid grid is taken by the overview grid.png; choose another");
        }
        if (!uids.add(uid)) {
            throw new UserException(file + ":" + line + ": uid " + uid + " appears twice");
        }
        return new Entry(uid, row.get("caption"), row.isMapped(NEGATIVE_PROMPT) ? row.get(NEGATIVE_PROMPT) : "");
    }
}

package org.rekindle.data.formats;

import java.util.Arrays;
import java.util.List;

/**
 * The section {@code dataset.params.fields}: where an example's parts are, in WebDataset's notation: several names separated by
 * {@code ;}, the first that an example has counts. Names are suffixes of members, or columns. Absent parts are null here; each format has
 * its own defaults.
 *
 * @param image the encoded image, or its path or URL where the format has such
 * @param caption the text; {@code json.KEY} takes it from the metadata, a text or a list of texts
 * @param json the metadata
 * @param cls the class of a classification data set
 */
public record FieldsConfig(String image, String caption, String json, String cls) {

    /** Returns the names of one field. */
    public static List<String> names(String field, String byDefault) {
        return Arrays.stream((field == null ? byDefault : field).split(";"))
                .map(String::strip)
                .filter(name -> !name.isEmpty())
                .toList();
    }
}

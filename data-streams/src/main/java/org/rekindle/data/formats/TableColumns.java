package org.rekindle.data.formats;

import java.util.List;
import java.util.Optional;
import org.rekindle.data.UserException;

/**
 * Which columns of a table hold an example's parts, in the order of preference; the others are its metadata.
 *
 * @param images encoded bytes, or paths or URLs
 * @param captions one text or several
 * @param keys the example's name; without such a column rows are numbered
 * @param cls class of a classification data set
 * @param classes the prompts of each class; null for captioned data
 */
record TableColumns(
        List<String> images, List<String> captions, List<String> keys, List<String> cls, ClassPrompts classes) {

    /** @param fields null for the defaults */
    static TableColumns of(FieldsConfig fields, ClassPrompts classes) {
        FieldsConfig given = fields == null ? new FieldsConfig(null, null, null, null) : fields;
        return new TableColumns(
                FieldsConfig.names(given.image(), "image;jpg;jpeg;png;webp;bytes;path;file;file_name;url"),
                FieldsConfig.names(given.caption(), "caption;text;txt;title"),
                List.of("__key__", "key", "uid", "id"),
                FieldsConfig.names(given.cls(), "cls;label"),
                classes);
    }

    /** The columns that captions come from. */
    List<String> described() {
        return classes == null ? captions : cls;
    }

    /** Returns the first of some names that a table has. */
    static Optional<String> first(List<String> names, List<String> columns) {
        return names.stream().filter(columns::contains).findFirst();
    }

    /**
     * @param table the file, for errors
     * @throws UserException when a table lacks images or captions
     */
    void require(String table, List<String> columns) {
        if (first(images, columns).isEmpty() || first(described(), columns).isEmpty()) {
            boolean image = first(images, columns).isEmpty();
            throw new UserException(table + " has the columns " + columns + ", expected one of "
                    + (image ? images : described()) + " for the "
                    + (image ? "image" : classes == null ? "caption" : "class")
                    + ": name it in dataset.params.fields."
                    + (image ? "image" : classes == null ? "caption" : "cls"));
        }
    }

    /** Returns the captions that a class stands for. */
    List<String> prompts(String example, String label, ReadListener listener) {
        List<String> prompts = classes.of(label);
        if (prompts.isEmpty()) {
            listener.corrupt(example, "its class " + label + " has no prompt in dataset.params.class_mapping");
        }
        return prompts;
    }
}

package org.rekindle.worker.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Lines of a name and what is to say of it, in two columns; formats are {@link String#format}'s, the same in every language. */
final class Table {

    private static final String PREFIXES = " kMGTPEZY";

    private final List<String> lines = new ArrayList<>();

    void row(String name, String format, Object... values) {
        lines.add(String.format("%-18s %s", name, text(format, values)));
    }

    /** Goes on with the row before. */
    void more(String format, Object... values) {
        row("", format, values);
    }

    List<String> lines() {
        return lines;
    }

    static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    /** Three digits or so of a number from 0 on, with a prefix of the metric system to its unit: {@code 3.44 GB}. */
    static String metric(double value, String unit) {
        int thousands = 0;
        while (value >= 999.5 && thousands < PREFIXES.length() - 1) {
            value /= 1000;
            thousands++;
        }
        return text(
                value < 100 ? "%.3g %s%s" : "%.0f %s%s",
                value,
                text("%c", PREFIXES.charAt(thousands)).strip(),
                unit);
    }
}

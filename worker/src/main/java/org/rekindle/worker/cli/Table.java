package org.rekindle.worker.cli;

import java.util.ArrayList;
import java.util.List;

/** Lines of a name and what is to say of it, in two columns. */
final class Table {

    private static final int NAME_WIDTH = 18;

    private final List<String> lines = new ArrayList<>();

    void row(String name, String text) {
        lines.add(("%-" + NAME_WIDTH + "s %s").formatted(name, text));
    }

    /** Goes on with the row before. */
    void more(String text) {
        row("", text);
    }

    List<String> lines() {
        return lines;
    }
}

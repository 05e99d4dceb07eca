package org.rekindle.data.formats;

import java.io.FilterReader;
import java.io.IOException;
import java.io.Reader;

/** The text of a table, of which no row may be so long that it fills the memory, as a quote that is never closed would. */
final class RowText extends FilterReader {

    private static final int MAX_CHARACTERS = 1 << 24;

    private long left = MAX_CHARACTERS;

    RowText(Reader text) {
        super(text);
    }

    /** A row is complete. */
    void row() {
        left = MAX_CHARACTERS;
    }

    @Override
    public int read() throws IOException {
        return counted(in.read(), 1);
    }

    @Override
    public int read(char[] into, int offset, int count) throws IOException {
        int read = in.read(into, offset, count);
        return counted(read, read);
    }

    private int counted(int result, int characters) {
        left -= Math.max(0, characters);
        if (left < 0) {
            throw new IllegalStateException(
                    "a row is longer than " + MAX_CHARACTERS + " characters: a quote is not closed");
        }
        return result;
    }
}

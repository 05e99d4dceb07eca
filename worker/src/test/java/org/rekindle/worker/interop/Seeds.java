package org.rekindle.worker.interop;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** The seeds that {@code -Dinterop.seeds=1-12,40} names. */
final class Seeds {

    private Seeds() {}

    static List<Integer> all() {
        return Arrays.stream(System.getProperty("interop.seeds").split(","))
                .flatMapToInt(Seeds::range)
                .boxed()
                .toList();
    }

    private static IntStream range(String text) {
        String[] ends = text.strip().split("-");
        return IntStream.rangeClosed(Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1]));
    }
}

package org.rekindle.data.shards;

import java.util.ArrayList;
import java.util.List;
import org.rekindle.data.UserException;

/**
 * The brace notation of WebDataset's shard lists, as bash expands it: {@code a-{000..002}.tar}, {@code {train,val}.tar}, several
 * groups in one name, groups within lists.
 */
public final class BraceExpansion {

    /** What one pattern may name; a typing error such as {@code {0..99999999999}} must not fill the memory. */
    private static final int MAX_NAMES = 10_000_000;

    private BraceExpansion() {}

    /**
     * Returns all names of a pattern, leftmost group slowest. A pattern without braces is its own only name. Numbers keep the width
     * of their wider bound when either is written with leading zeros.
     *
     * @throws UserException when a brace has no partner, a group is neither a range nor a list, or the pattern names too many
     */
    public static List<String> expand(String pattern) {
        int open = pattern.indexOf('{');
        if (open < 0) {
            if (pattern.indexOf('}') >= 0) {
                throw malformed(pattern, "'}' has no '{' before it");
            }
            return List.of(pattern);
        }
        int close = partner(pattern, open);
        List<String> tails = expand(pattern.substring(close + 1));
        List<String> heads = group(pattern, pattern.substring(open + 1, close));
        if ((long) heads.size() * tails.size() > MAX_NAMES) {
            throw malformed(pattern, "it names more than " + MAX_NAMES + " shards");
        }
        String before = pattern.substring(0, open);
        if (before.indexOf('}') >= 0) {
            throw malformed(pattern, "'}' has no '{' before it");
        }
        List<String> names = new ArrayList<>(heads.size() * tails.size());
        for (String head : heads) {
            for (String tail : tails) {
                names.add(before + head + tail);
            }
        }
        return names;
    }

    private static int partner(String pattern, int open) {
        int depth = 0;
        for (int i = open; i < pattern.length(); i++) {
            char c = pattern.charAt(i);
            if (c == '{') {
                depth++;
            } else if (c == '}' && --depth == 0) {
                return i;
            }
        }
        throw malformed(pattern, "'{' is never closed");
    }

    private static List<String> group(String pattern, String body) {
        List<String> items = items(body);
        if (items.size() > 1) {
            return items.stream().flatMap(item -> expand(item).stream()).toList();
        }
        int dots = body.indexOf("..");
        if (dots < 0) {
            throw malformed(pattern, "'{" + body + "}' is neither a range such as {000..009} nor a list such as {a,b}");
        }
        return range(pattern, body.substring(0, dots), body.substring(dots + 2));
    }

    /** Splits at the commas that are not inside an inner group. */
    private static List<String> items(String body) {
        List<String> items = new ArrayList<>();
        int depth = 0;
        int start = 0;
        for (int i = 0; i < body.length(); i++) {
            char c = body.charAt(i);
            if (c == '{') {
                depth++;
            } else if (c == '}') {
                depth--;
            } else if (c == ',' && depth == 0) {
                items.add(body.substring(start, i));
                start = i + 1;
            }
        }
        items.add(body.substring(start));
        return items;
    }

    private static List<String> range(String pattern, String first, String last) {
        if (!first.matches("\\d{1,9}") || !last.matches("\\d{1,9}")) {
            throw malformed(
                    pattern, "the bounds of '{" + first + ".." + last + "}' are not whole numbers of up to 9 digits");
        }
        int from = Integer.parseInt(first);
        int to = Integer.parseInt(last);
        if (Math.abs(to - from) >= MAX_NAMES) {
            throw malformed(pattern, "it names more than " + MAX_NAMES + " shards");
        }
        boolean padded = isPadded(first) || isPadded(last);
        int width = padded ? Math.max(first.length(), last.length()) : 1;
        String format = "%0" + width + "d";
        int step = from <= to ? 1 : -1;
        List<String> names = new ArrayList<>(Math.abs(to - from) + 1);
        for (int i = from; i != to + step; i += step) {
            names.add(String.format(format, i));
        }
        return names;
    }

    private static boolean isPadded(String number) {
        return number.length() > 1 && number.startsWith("0");
    }

    private static UserException malformed(String pattern, String why) {
        return new UserException("path '" + pattern + "' is not valid brace notation: " + why
                + "; write it as in data/shard-{000..009}.tar");
    }
}

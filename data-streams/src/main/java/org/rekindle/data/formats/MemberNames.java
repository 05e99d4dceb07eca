package org.rekindle.data.formats;

import java.util.Locale;

/** What WebDataset reads out of the names of a tar's members. */
final class MemberNames {

    private MemberNames() {}

    /** Whether a member belongs to no example: without a suffix, or named {@code __x__}. */
    static boolean isPassedOver(String member) {
        String base = member.substring(member.lastIndexOf('/') + 1);
        return suffix(member).isEmpty() || base.startsWith("__") && base.endsWith("__");
    }

    /** The path up to the first dot of the base name. */
    static String key(String member) {
        int dot = firstDot(member);
        return dot < 0 ? member : member.substring(0, dot);
    }

    /** What follows that dot, in lower case. */
    static String suffix(String member) {
        int dot = firstDot(member);
        return dot < 0 ? "" : member.substring(dot + 1).toLowerCase(Locale.ROOT);
    }

    /** Returns where the first dot of the base name is, or -1 when it has none or begins with it. */
    private static int firstDot(String member) {
        int base = member.lastIndexOf('/') + 1;
        int dot = member.indexOf('.', base);
        return dot == base ? -1 : dot;
    }
}

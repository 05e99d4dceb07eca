package org.rekindle.coordinator.config;

import java.util.ArrayList;
import java.util.List;
import org.rekindle.data.UserException;

/**
 * Splits a text such as {@code runs/${experiment.name}-${oc.env:USER,me}} into its parts. OmegaConf's grammar is nested (a reference may
 * stand inside of a reference), so no regular expression can do it; {@code \${} stands for the two characters themselves.
 */
final class InterpolatedText {

    private static final String ENVIRONMENT = "oc.env";

    private final String text;
    private final String key;
    private int next;

    private InterpolatedText(String text, String key) {
        this.text = text;
        this.key = key;
    }

    /** A piece of a text. */
    sealed interface Part {}

    /** Characters that mean themselves. */
    record Literal(String text) implements Part {
        @Override
        public String toString() {
            return text;
        }
    }

    /** {@code ${key}}; the key may itself hold interpolations. */
    record Reference(List<Part> key) implements Part {
        @Override
        public String toString() {
            return "${" + spelled(key) + "}";
        }
    }

    /** {@code ${oc.env:name,standIn}}; the stand-in is null where none is given. */
    record Environment(List<Part> name, List<Part> standIn) implements Part {
        @Override
        public String toString() {
            return "${" + ENVIRONMENT + ":" + spelled(name) + (standIn == null ? "" : "," + spelled(standIn)) + "}";
        }
    }

    /**
     * @param text a scalar of the YAML
     * @param key its dotted key, for errors
     * @return at least one part
     */
    static List<Part> parse(String text, String key) {
        if (!text.contains("${")) {
            return List.of(new Literal(text));
        }
        List<Part> parts = new InterpolatedText(text, key).parts("");
        return parts.isEmpty() ? List.of(new Literal("")) : parts;
    }

    /** Reads up to one of {@code ends}, which is left unread, or to the end of the text where {@code ends} is empty. */
    private List<Part> parts(String ends) {
        List<Part> parts = new ArrayList<>();
        StringBuilder literal = new StringBuilder();
        char quote = 0;
        while (next < text.length()) {
            char c = text.charAt(next);
            if (text.startsWith("\\${", next)) {
                literal.append("${");
                next += 3;
            } else if (text.startsWith("\\\\${", next)) {
                literal.append('\\');
                next += 2;
            } else if (text.startsWith("${", next)) {
                addLiteral(parts, literal);
                parts.add(interpolation());
            } else if (quote == 0 && ends.indexOf(c) >= 0) {
                break;
            } else {
                boolean quoting = !ends.isEmpty() && (c == '\'' || c == '"') && (quote == 0 || quote == c);
                quote = quoting ? (quote == 0 ? c : 0) : quote;
                if (!quoting) {
                    literal.append(c);
                }
                next++;
            }
        }
        addLiteral(parts, literal);
        return parts;
    }

    private static void addLiteral(List<Part> parts, StringBuilder literal) {
        if (!literal.isEmpty()) {
            parts.add(new Literal(literal.toString()));
            literal.setLength(0);
        }
    }

    private Part interpolation() {
        int start = next;
        next += 2;
        List<Part> first = parts(":}");
        if (next < text.length() && text.charAt(next) == ':') {
            return resolver(start, spelled(first).strip());
        }
        close(start);
        if (spelled(first).isBlank()) {
            throw new UserException(key + ": " + text + " has an empty ${}; write the key to take the value from");
        }
        return new Reference(first);
    }

    private Part resolver(int start, String name) {
        if (!name.equals(ENVIRONMENT)) {
            throw new UserException(key + ": ${" + name + ":...} is not known; known are ${section.key} and ${"
                    + ENVIRONMENT + ":NAME,DEFAULT}");
        }
        next++;
        List<Part> variable = parts(",}");
        List<Part> standIn = null;
        if (next < text.length() && text.charAt(next) == ',') {
            next++;
            skipBlanks();
            standIn = parts("}");
        }
        close(start);
        return new Environment(variable, standIn);
    }

    private void skipBlanks() {
        while (next < text.length() && text.charAt(next) == ' ') {
            next++;
        }
    }

    private void close(int start) {
        if (next >= text.length()) {
            throw new UserException(key + ": " + text.substring(start) + " lacks its closing }");
        }
        next++;
    }

    private static String spelled(List<Part> parts) {
        StringBuilder spelled = new StringBuilder();
        parts.forEach(spelled::append);
        return spelled.toString();
    }
}
